import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FileClaims } from '../../../src/base/claims/file-claim.ts';
import type { CompleteFile, OutputSet } from '../../../src/base/output/output.ts';
import { testWithMount, withTmpfs } from '../../operations/tmpfs.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';
import { listing, pattern, sha256 } from '../package-folder.ts';
import { OUTPUT_KINDS, type OutputKind } from './output-kinds.ts';

const { signal } = new AbortController();
const NAMES = ['a.vmdk', 'b.vmdk'];
const A = pattern(100_000);
const B = pattern(70_001, 2);

let scratch: string;
let folder: string;
beforeEach(async () => {
  scratch = await makeTemporaryFolder('output-');
  folder = join(scratch, 'out');
});
afterEach(() => rm(scratch, { recursive: true }));

async function add(set: OutputSet, name: string, bytes: Uint8Array): Promise<CompleteFile> {
  const file = await set.create(name);
  for (let at = 0; at < bytes.length; at += 7777) await file.append(bytes.subarray(at, at + 7777));
  return await file.complete();
}

async function addBoth(set: OutputSet): Promise<void> {
  await add(set, 'a.vmdk', A);
  await add(set, 'b.vmdk', B);
}

async function modeOf(name: string): Promise<number> {
  return (await stat(join(folder, name))).mode & 0o777;
}

/**
 * Runs a process that completes one file, and is killed while it writes the next. Returns what the process printed
 * about the first file.
 */
async function killWriter(kind: string): Promise<CompleteFile> {
  const script = join(import.meta.dirname, 'output-process.ts');
  const child = spawn(process.execPath, [script, kind, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGKILL');
  await once(child, 'exit');
  return JSON.parse(line.toString()) as CompleteFile;
}

describe.each(Object.entries(OUTPUT_KINDS))('%s', (kindName, kind: OutputKind) => {
  test('a commit gives the final names, and nothing has one before', async () => {
    const set = await kind.open(folder);
    await addBoth(set);
    expect(await listing(folder)).toEqual(kind.partialNames(NAMES));
    await kind.finish(set, NAMES);
    expect(await listing(folder)).toEqual(kind.finalNames(NAMES));
    expect((await kind.read(folder, 'a.vmdk')).equals(A)).toBe(true);
    expect((await kind.read(folder, 'b.vmdk')).equals(B)).toBe(true);
    await set.discard({ keepComplete: false });
    expect(await listing(folder)).toEqual(kind.finalNames(NAMES));
  });

  test('what is written in any order is in its place, and what is not written reads as zeros', async () => {
    const set = await kind.open(folder);
    const file = await set.create('a.vmdk');
    await file.setSize(300_000);
    await Promise.all([file.write(B, 200_000), file.write(A.subarray(0, 5000), 1000)]);
    expect(await file.complete()).toMatchObject({ sizeBytes: 300_000 });
    await kind.finish(set, ['a.vmdk']);
    const expected = Buffer.alloc(300_000);
    B.copy(expected, 200_000);
    A.copy(expected, 1000, 0, 5000);
    expect((await kind.read(folder, 'a.vmdk')).equals(expected)).toBe(true);
  });

  test('a discard leaves nothing, not even the folders that were made', async () => {
    const set = await kind.open(join(folder, 'deep'));
    await add(set, 'a.vmdk', A);
    await (await set.create('b.vmdk')).append(B);
    await set.discard({ keepComplete: false });
    expect(await listing(scratch)).toEqual([]);
  });

  test('a file that is discarded can be written again, a complete one too', async () => {
    const set = await kind.open(folder);
    for (const isComplete of [false, true]) {
      const file = await set.create('a.vmdk');
      await file.append(B);
      if (isComplete) await file.complete();
      await file.discard();
    }
    await add(set, 'a.vmdk', A);
    await kind.finish(set, ['a.vmdk']);
    expect((await kind.read(folder, 'a.vmdk')).equals(A)).toBe(true);
  });

  test('complete files that were kept are adopted by another set', async () => {
    const first = await kind.open(folder);
    const { offsetBytes } = await add(first, 'a.vmdk', A);
    await (await first.create('b.vmdk')).append(B);
    await first.discard({ keepComplete: true });
    const set = await kind.open(folder);
    const left = { name: 'a.vmdk', sizeBytes: A.length, sha256: sha256(A), ...(offsetBytes && { offsetBytes }) };
    expect(await set.adopt(left, signal)).toBe(true);
    await add(set, 'b.vmdk', B);
    await kind.finish(set, NAMES);
    expect((await kind.read(folder, 'a.vmdk')).equals(A)).toBe(true);
    expect((await kind.read(folder, 'b.vmdk')).equals(B)).toBe(true);
  });

  test.each([{ sha256: sha256(B) }, { sizeBytes: A.length - 1 }])(
    'a leftover that is not as recorded is not adopted: %j',
    async (wrong) => {
      const first = await kind.open(folder);
      const { offsetBytes } = await add(first, 'a.vmdk', A);
      await first.discard({ keepComplete: true });
      const set = await kind.open(folder);
      const left = { name: 'a.vmdk', sizeBytes: A.length, sha256: sha256(A), ...(offsetBytes && { offsetBytes }) };
      expect(await set.adopt({ ...left, ...wrong }, signal)).toBe(false);
      await set.discard({ keepComplete: true });
      expect(await listing(folder)).toEqual([]);
    },
  );

  test('of a writer that was killed the complete file is adopted, and the other one is replaced', async () => {
    const { sizeBytes, offsetBytes } = await killWriter(kindName);
    expect(await listing(folder)).toEqual(kind.partialNames(NAMES));
    const set = await kind.open(folder);
    const left = { name: 'a.vmdk', sizeBytes, sha256: sha256(A), ...(offsetBytes && { offsetBytes }) };
    expect(await set.adopt(left, signal)).toBe(true);
    await add(set, 'b.vmdk', B);
    await kind.finish(set, NAMES);
    expect((await kind.read(folder, 'a.vmdk')).equals(A)).toBe(true);
    expect((await kind.read(folder, 'b.vmdk')).equals(B)).toBe(true);
  });

  test('a second writer is refused until the first one ends', async () => {
    const claims = (): FileClaims =>
      new FileClaims({ env: { XDG_STATE_HOME: join(scratch, 'state') }, onProblem: () => {} });
    const first = await kind.open(folder);
    await kind.claim(first, NAMES, claims());
    const second = await kind.open(folder);
    await expect(kind.claim(second, NAMES, claims())).rejects.toMatchObject({ kind: 'busy' });
    await addBoth(first);
    await kind.finish(first, NAMES);
    await kind.claim(second, NAMES, claims());
    await second.discard({ keepComplete: false });
    expect(await listing(folder)).toEqual(kind.finalNames(NAMES));
  });

  test('a name that is taken fails the commit, and is replaced only with force', async () => {
    await mkdir(folder);
    const taken = join(folder, kind.finalNames(NAMES).at(-1) ?? '');
    await writeFile(taken, 'mine');
    const set = await kind.open(folder);
    await addBoth(set);
    await expect(kind.finish(set, NAMES)).rejects.toMatchObject({
      kind: 'local-file',
      message: `${taken} already exists.`,
    });
    await set.discard({ keepComplete: false });
    expect(await readFile(taken, 'utf8')).toBe('mine');
    expect(await listing(folder)).toEqual(kind.finalNames(NAMES).slice(-1));
    const forced = await kind.open(folder, { force: true });
    await addBoth(forced);
    await kind.finish(forced, NAMES);
    expect((await kind.read(folder, 'b.vmdk')).equals(B)).toBe(true);
  });

  test.each([undefined, 0o640])(
    'files are closed to others until the commit, and have the mode %p after',
    async (mode) => {
      const set = await kind.open(folder, { mode });
      await addBoth(set);
      for (const name of kind.partialNames(NAMES)) expect(await modeOf(name)).toBe(0o600);
      await kind.finish(set, NAMES);
      for (const name of kind.finalNames(NAMES)) expect(await modeOf(name)).toBe(mode ?? 0o600);
    },
  );

  testWithMount('a full disk is a local-file error, and the complete file stays for another set', async () => {
    await mkdir(folder);
    await withTmpfs(folder, 'size=1M', async () => {
      const set = await kind.open(folder);
      const { offsetBytes } = await add(set, 'a.vmdk', A);
      await expect(add(set, 'b.vmdk', pattern(2_000_000))).rejects.toMatchObject({
        kind: 'local-file',
        message: expect.stringContaining('no space is left'),
      });
      await set.discard({ keepComplete: true });
      expect(await listing(folder)).toEqual(kind.partialNames(['a.vmdk']));
      const next = await kind.open(folder);
      const left = { name: 'a.vmdk', sizeBytes: A.length, sha256: sha256(A), ...(offsetBytes && { offsetBytes }) };
      expect(await next.adopt(left, signal)).toBe(true);
      await next.discard({ keepComplete: false });
      expect(await listing(folder)).toEqual([]);
    });
  });
});
