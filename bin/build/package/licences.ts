import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Metafile } from 'esbuild';
import type { NodeBase } from './node-base.ts';
import { root } from './project.ts';

/** An npm package whose code is in the program. */
export interface BundledPackage {
  name: string;
  version: string;
  license: string;
  homepage: string | undefined;
  texts: string[];
}

const LICENSE_FILE = /^(licen[cs]e|copying|notice)/i;
const RULE = '='.repeat(80);

/** Returns the packages whose code is in the bundles, sorted by name. */
export function bundledPackages(metafiles: readonly Metafile[]): BundledPackage[] {
  const inputs = metafiles
    .flatMap(({ outputs }) => Object.values(outputs))
    .flatMap((output) => Object.entries(output.inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => path);
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined));
  const packages = [...folders].map(readPackage).map((found) => [`${found.name} ${found.version}`, found] as const);
  // The same version can be installed in two folders.
  return [...new Map(packages.toSorted(([a], [b]) => (a < b ? -1 : 1))).values()];
}

/** Returns the path up to the last `node_modules/NAME`, because packages can have nested dependencies. */
function packageFolder(path: string): string | undefined {
  const folder = /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
  return folder === undefined ? undefined : resolve(root, folder);
}

function readPackage(folder: string): BundledPackage {
  const pjson = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { name, version, license, homepage } = pjson;
  if (typeof name !== 'string' || typeof version !== 'string' || typeof license !== 'string') {
    throw new TypeError(`${folder}/package.json does not tell name, version and license`);
  }
  const files = readdirSync(folder).filter((file) => LICENSE_FILE.test(file) && existsSync(join(folder, file)));
  const texts = files.toSorted().map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return { name, version, license, homepage: typeof homepage === 'string' ? homepage : undefined, texts };
}

/** Returns the licences of everything in a binary as one text. */
export function licencesText(packages: readonly BundledPackage[], base: NodeBase): string {
  const sections = [
    section(`Node.js ${base.version}`, 'the runtime, with what is built into it', [base.license.trim()]),
    ...packages.map(({ name, version, license, homepage, texts }) =>
      section(
        `${name} ${version}`,
        [license, homepage].filter(Boolean).join(', '),
        texts.length > 0 ? texts : [`The package has no licence file; its package.json says ${license}.`],
      ),
    ),
  ];
  return [`Licences of what the program holds beside its own code.\n`, ...sections].join('\n');
}

function section(title: string, subtitle: string, texts: readonly string[]): string {
  return `${RULE}\n${title}: ${subtitle}\n${RULE}\n\n${texts.join('\n\n')}\n`;
}
