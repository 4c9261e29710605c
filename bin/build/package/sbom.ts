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

/** The fields that this module changes. npm writes the others. https://cyclonedx.org/docs/1.5/json/ */
interface Bom {
  serialNumber?: string;
  metadata: { timestamp: string; component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

/**
 * Generates a CycloneDX document of the content of a binary from `npm sbom`.
 * npm lists the whole lock file. `--omit dev` would also omit packages that both production and development need.
 * The document keeps only the packages whose code is in the bundle, and the Node.js of this architecture.
 * Its time is that of the commit, and it has no serial number, so that the same commit gives the same document.
 */
export function sbomText(packages: readonly BundledPackage[], base: NodeBase): string {
  const flags = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const bom = JSON.parse(outputOf('npm', ['sbom', ...flags], { cwd: root })) as Bom;
  const inside = new Set([...packages, { name: base.packageName, version: base.version }].map(refOf));
  const components = bom.components.filter((component) => inside.delete(refOf(component)));
  if (inside.size > 0) throw new Error(`npm sbom does not know ${[...inside].join(', ')}`);
  const refs = new Set([refOf({ name, version }), ...components.map((component) => component['bom-ref'])]);
  bom.components = components.map((component) =>
    // Vulnerability databases list Node.js under its CPE, not under the name of the npm package.
    component.name === base.packageName ? { ...component, cpe: nodeCpe(base) } : component,
  );
  bom.dependencies = bom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
  // npm uses the name of the folder.
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
