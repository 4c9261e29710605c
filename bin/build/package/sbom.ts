import type { BundledPackage } from './licences.ts';
import type { NodeBase } from './node-base.ts';
import { commitTime, name, root, version } from './project.ts';
import { outputOf } from './run-tool.ts';

interface Component {
  'bom-ref': string;
  name: string;
  version: string;
  cpe?: string;
}

/** As far as it is changed here; npm writes the rest. https://cyclonedx.org/docs/1.5/json/ */
interface Bom {
  serialNumber?: string;
  metadata: { timestamp: string; component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

/**
 * A CycloneDX document of what is in a binary, out of `npm sbom`. npm lists the whole lock file (with `--omit dev` also packages are left out that are needed by
 * production and development both); kept is what the bundle holds code of, and the Node.js of this architecture. The time is that of the commit and there is no serial number, so that the same commit has the same document.
 */
export function sbomText(packages: readonly BundledPackage[], base: NodeBase): string {
  const flags = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const bom = JSON.parse(outputOf('npm', ['sbom', ...flags], { cwd: root })) as Bom;
  const inside = new Set([...packages, { name: base.packageName, version: base.version }].map(refOf));
  const components = bom.components.filter((component) => inside.delete(refOf(component)));
  if (inside.size > 0) throw new Error(`npm sbom does not know ${[...inside].join(', ')}`);
  const refs = new Set([refOf({ name, version }), ...components.map((component) => component['bom-ref'])]);
  bom.components = components.map((component) =>
    // Lists of vulnerabilities know Node.js by this name, not by that of the npm package.
    component.name === base.packageName ? { ...component, cpe: nodeCpe(base) } : component,
  );
  bom.dependencies = bom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
  // npm takes the name of the folder.
  bom.metadata.component.name = name;
  bom.metadata.timestamp = new Date(commitTime() * 1000).toISOString();
  delete bom.serialNumber;
  return `${JSON.stringify(bom, null, 2)}\n`;
}

function refOf(component: { name: string; version: string }): string {
  return `${component.name}@${component.version}`;
}

function nodeCpe({ version: nodeVersion }: NodeBase): string {
  return `cpe:2.3:a:nodejs:node.js:${nodeVersion}:*:*:*:lts:*:*:*`;
}
