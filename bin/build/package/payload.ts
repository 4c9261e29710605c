import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './project.ts';

export interface PayloadParts {
  binary: string;
  licences: string;
  sbom: string;
  /** By their paths below /usr/share. */
  shared: Readonly<Record<string, string>>;
}

/** Lays out in `folder` what the archive and the packages hold: the program, its papers, and in `share` what belongs below /usr/share. */
export function layOutPayload(folder: string, { binary, licences, sbom, shared }: PayloadParts): void {
  mkdirSync(folder);
  cpSync(binary, join(folder, 'hyper2kvm'));
  chmodSync(join(folder, 'hyper2kvm'), 0o755);
  for (const file of PAPERS) cpSync(join(root, file), join(folder, file));
  writeFileSync(join(folder, 'THIRD-PARTY-LICENCES.txt'), licences);
  writeFileSync(join(folder, 'sbom.cdx.json'), sbom);
  for (const [path, text] of Object.entries(shared)) {
    const file = join(folder, 'share', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const PAPERS = ['README.md', 'LICENSE', 'CHANGELOG.md'];
/** What stands in /usr/share/doc/hyper2kvm once installed. */
export const DOCUMENTS = [...PAPERS, 'THIRD-PARTY-LICENCES.txt', 'sbom.cdx.json'];
