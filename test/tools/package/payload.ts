import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.ts';

export interface PayloadParts {
  binary: string;
  licences: string;
  sbom: string;
}

/**
 * Lays out in `folder` what the archive and the packages hold: the program, its papers, and, where the project has a folder `share`, the man page and completions in it, laid
 * out as below /usr/share.
 */
export function layOutPayload(folder: string, { binary, licences, sbom }: PayloadParts): void {
  mkdirSync(folder);
  cpSync(binary, join(folder, 'hyper2kvm'));
  chmodSync(join(folder, 'hyper2kvm'), 0o755);
  for (const file of PAPERS) cpSync(join(root, file), join(folder, file));
  writeFileSync(join(folder, 'THIRD-PARTY-LICENCES.txt'), licences);
  writeFileSync(join(folder, 'sbom.cdx.json'), sbom);
  const share = join(root, 'share');
  if (existsSync(share)) cpSync(share, join(folder, 'share'), { recursive: true });
}

const PAPERS = ['README.md', 'LICENSE', 'CHANGELOG.md'];
/** What stands in /usr/share/doc/hyper2kvm once installed. */
export const DOCUMENTS = [...PAPERS, 'THIRD-PARTY-LICENCES.txt', 'sbom.cdx.json'];
