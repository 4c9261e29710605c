import { chmodSync, cpSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './project.ts';

export interface PayloadParts {
  binary: string;
  licences: string;
  sbom: string;
  /** Files by their paths below /usr/share. */
  shared: Readonly<Record<string, string>>;
}

/** Creates the content of the archive and the packages in `folder`: the program, its documents and, in `share`, the files for /usr/share. */
export function layOutPayload(folder: string, { binary, licences, sbom, shared }: PayloadParts): void {
  mkdirSync(folder);
  cpSync(binary, join(folder, 'hyper2kvm'));
  chmodSync(join(folder, 'hyper2kvm'), 0o755);
  for (const file of [...PAPERS, ...MANUAL]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  writeFileSync(join(folder, 'THIRD-PARTY-LICENCES.txt'), licences);
  writeFileSync(join(folder, 'sbom.cdx.json'), sbom);
  for (const [path, text] of Object.entries(shared)) {
    const file = join(folder, 'share', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const PAPERS = ['README.md', 'LICENSE', 'CHANGELOG.md'];
/** The files in `docs`, at the same paths: the README links to them. */
const MANUAL = globSync('docs/**/*.{md,svg,json,yaml,sh}', { cwd: root }).toSorted();
/** The files in /usr/share/doc/hyper2kvm after installation. */
export const DOCUMENTS = [...PAPERS, 'THIRD-PARTY-LICENCES.txt', 'sbom.cdx.json', ...MANUAL];
