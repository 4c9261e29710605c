import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileClaims } from '../../../src/base/claims/file-claim.ts';
import { FolderOutput } from '../../../src/base/output/folder-output.ts';
import type { OutputSet } from '../../../src/base/output/output.ts';
import { TarOutput } from '../../../src/ovf/write/tar-output.ts';
import { readMembers } from '../read-all.ts';

export interface OpenChoices {
  force?: boolean;
  mode?: number | undefined;
}

/** A kind of output, for tests that apply to all kinds. */
export interface OutputKind {
  open: (folder: string, choices?: OpenChoices) => Promise<OutputSet>;
  claim: (set: OutputSet, names: string[], claims: FileClaims) => Promise<void>;
  /** The names of the files in the folder: `partialNames` before the commit, `finalNames` after it. */
  partialNames: (names: string[]) => string[];
  finalNames: (names: string[]) => string[];
  /** Runs the steps before a commit, and the commit itself. */
  finish: (set: OutputSet, names: string[]) => Promise<void>;
  /** Returns the content of a committed file. */
  read: (folder: string, name: string) => Promise<Buffer>;
}

const TAR = 'vm.ova';

/** Only tests handle these sets in general. Other callers know which kind they have. */
function isTar(set: OutputSet): set is TarOutput {
  return set instanceof TarOutput;
}

export const OUTPUT_KINDS: Readonly<Record<'folder' | 'tar', OutputKind>> = {
  folder: {
    open: (folder, { force = false, mode } = {}) => FolderOutput.open({ folder, force, mode }),
    claim: async (set, names, claims) => {
      if (set instanceof FolderOutput) await set.claim(names, claims);
    },
    partialNames: (names) => names.map((name) => `${name}.partial`),
    finalNames: (names) => names,
    finish: (set, names) => set.commit(names),
    read: (folder, name) => readFile(join(folder, name)),
  },
  tar: {
    open: (folder, { force = false, mode } = {}) =>
      TarOutput.open({ folder, name: TAR, front: { name: 'vm.ovf', reservedBytes: 1024 }, force, mode }),
    claim: async (set, _names, claims) => {
      if (isTar(set)) await set.claim(claims);
    },
    partialNames: () => [`${TAR}.partial`],
    finalNames: () => [TAR],
    finish: async (set, names) => {
      if (!isTar(set)) throw new Error('not a tar');
      await set.writeFront(Buffer.from('<Envelope/>'));
      await set.writeEnd('vm.mf', '');
      await set.commit(names);
    },
    read: async (folder, name) => {
      const members = await readMembers(await readFile(join(folder, TAR)));
      return members.get(name) ?? Buffer.from('no such member');
    },
  },
};
