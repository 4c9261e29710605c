import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestDraft } from '../change.ts';
import { checkApplianceWords } from '../contract/boot-entries/appliance-words.ts';
import { wordsOf } from '../contract/boot-entries/boot-entry.ts';
import type { Guest } from '../guest.ts';
import type { CallOptions } from '../guestfs.ts';
import { argumentString } from '../guestfs-words.ts';
import { readBootTexts, renameInBootText } from './boot-loader/boot-loader.ts';
import { readCommandLine } from './boot-loader/command-line.ts';

/**
 * Runs a program with the first argument as the content of `/proc/cmdline`. `/dev` is in the appliance's memory, so
 * nothing remains in the guest. The libguestfs daemon mounts `/proc` below the root before a command and unmounts it
 * afterwards.
 */
const WITH_COMMAND_LINE = [
  'file=/dev/.kernel-command-line',
  'printf "%s\\n" "$1" > $file && mount --bind $file /proc/cmdline',
  'shift',
  '"$@"',
  'code=$?',
  'umount /proc/cmdline || umount -l /proc/cmdline',
  'rm -f $file',
  'exit $code',
].join('; ');

/** The part that precedes the kernel's words in a line of a boot loader's file. */
const BEFORE_WORDS = /^\s*(?:options|append|(?:linux|linux16|linuxefi|kernel)\s+\S+)[ \t]+/i;

/**
 * Runs a program of the guest, which must be mounted for writing, with the guest's own kernel command line in
 * `/proc/cmdline`. Changes that its hooks make in boot entries and in `/etc` are recorded in the draft. A boot entry
 * with the appliance's command line, or with a device's old name, is corrected.
 */
export async function runInGuest(
  guest: Guest,
  draft: GuestDraft,
  command: readonly string[],
  options: CallOptions = {},
): Promise<{ error: string | undefined }> {
  const before = await stateOf(guest);
  const line = await readCommandLine(guest);
  const words = line === undefined ? command : ['sh', '-c', WITH_COMMAND_LINE, 'sh', line, ...command];
  const { error } = await guest.session.outcome(['command', argumentString(words)], options);
  const after = await stateOf(guest);
  const program = command[0] ?? '';
  await reviewBootTexts(guest, draft, { before: before.boot, after: after.boot, line, program });
  for (const [path, sum] of after.etc) {
    if (before.etc.get(path) === sum || after.boot.has(path)) continue;
    const action = before.etc.has(path) ? 'edit' : 'create';
    draft.record({ fix: 'initramfs', action, path, details: [`written by ${program}`] });
  }
  return { error };
}

interface BootTexts {
  before: ReadonlyMap<string, string>;
  after: ReadonlyMap<string, string>;
  /** The guest's command line. */
  line: string | undefined;
  program: string;
}

/** Corrects what a program wrote into the boot loaders' files, and records the remaining changes. */
export async function reviewBootTexts(
  guest: Guest,
  draft: GuestDraft,
  { before, after, line, program }: BootTexts,
): Promise<void> {
  const record = (action: 'create' | 'edit' | 'remove', path: string, ...details: string[]): void =>
    draft.record({ fix: 'boot-loader', action, path, details });
  for (const [path, text] of after) {
    const old = before.get(path);
    if (text === old) continue;
    const { text: ofGuest, isWrong } = withGuestWords(text, line);
    const corrected = ofGuest === undefined ? old : ofGuest;
    if (corrected === undefined) {
      draft.obstruct(`${program} wrote ${path} with the appliance's command line, and the guest's is not known.`);
      continue;
    }
    const warn = (message: string): void => draft.warn(message);
    const { text: final, details } = renameInBootText(guest, path, corrected, { warn });
    if (final !== text) await guest.files.write(path, final);
    if (final === old) record('edit', path, `${program} changed it: restored`);
    else {
      const why = isWrong ? ["the appliance's command line → the guest's"] : [];
      record(old === undefined ? 'create' : 'edit', path, `written by ${program}`, ...why, ...details);
    }
  }
  for (const path of before.keys()) if (!after.has(path)) record('remove', path, `removed by ${program}`);
}

/**
 * The text with the guest's command line in place of the appliance's; undefined if the appliance's cannot be
 * separated from the rest.
 */
function withGuestWords(text: string, line: string | undefined): { text: string | undefined; isWrong: boolean } {
  const lines = text.split('\n');
  const isWrong = lines.map((each) => checkApplianceWords(wordsOf(each, { file: '', line: 0 })).length > 0);
  if (!isWrong.includes(true)) return { text, isWrong: false };
  const corrected = lines.map((each, index) => {
    if (!isWrong[index]) return each;
    const [start] = BEFORE_WORDS.exec(each) ?? [];
    return start === undefined || line === undefined ? undefined : start + line;
  });
  return { text: corrected.includes(undefined) ? undefined : corrected.join('\n'), isWrong: true };
}

interface State {
  /** The texts of the boot loaders' files. */
  boot: ReadonlyMap<string, string>;
  /** Checksums of the files in `/etc`. */
  etc: ReadonlyMap<string, string>;
}

async function stateOf(guest: Guest): Promise<State> {
  const { session } = guest;
  const local = join(session.scratchFolder, randomBytes(8).toString('hex'));
  try {
    await session.call(['checksums-out', 'md5', '/etc', local]);
    return { boot: await readBootTexts(guest), etc: readSums(await readFile(local, 'latin1')) };
  } finally {
    await rm(local, { force: true });
  }
}

/** Parses the output of md5sum: the sum, two spaces, and the path from `/etc` on. */
function readSums(text: string): Map<string, string> {
  const sums = text.split('\n').flatMap((each): [string, string][] => {
    const [, sum, name] = /^\\?([0-9a-f]{32}) [ *](?:\.\/)?(.+)$/.exec(each) ?? [];
    return sum === undefined || name === undefined ? [] : [[`/etc/${name}`, sum]];
  });
  return new Map(sums);
}
