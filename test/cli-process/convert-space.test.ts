import { afterAll, beforeAll, expect } from '@jest/globals';
import { mkdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runExport, ScratchFolder } from '../operations/export/export-run.ts';
import { testWithMount, withTmpfs } from '../operations/tmpfs.ts';
import { mixedContent, writeRawFile } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { copyInto, namesIn, runConvert, startConvert, stopAmid, writeBusyDisk } from './convert-run.ts';

const MiB = 1 << 20;
const PAGE_BYTES = 4096;
const NO_SPACE = /^Could not write \/.*\.partial: no space is left\.$/;

let sources: ScratchFolder;

/** Creates `disk.raw` and, in `out`, a package of it. */
beforeAll(async () => {
  sources = await ScratchFolder.make();
  const content = mixedContent(4 * MiB, 'space');
  await writeRawFile(content, join(sources.path, 'disk.raw'));
  await using server = await startTestServer({ vms: [{ name: 'web', disks: [{ content }] }] });
  expect(await runExport(server, sources, { format: 'ovf' })).toMatchObject({ error: undefined });
});

afterAll(() => sources[Symbol.asyncDispose]());

/**
 * Converts a flat disk on a file system with `sizeBytes` for its image, plus one page for the existing
 * `kvm/disk.qcow2` that is replaced.
 */
async function convertInto(scratch: ScratchFolder, sizeBytes: number, ...flags: string[]) {
  const kvm = join(scratch.path, 'kvm');
  await mkdir(kvm);
  let seen: object = {};
  await withTmpfs(kvm, `size=${sizeBytes + PAGE_BYTES}`, async () => {
    await writeFile(join(kvm, 'disk.qcow2'), 'old');
    const source = join(sources.path, 'disk.raw');
    const { exitCode, stdout } = await runConvert(
      scratch,
      source,
      '--input-format=raw',
      '-o',
      'kvm/',
      '--force',
      '--json',
      ...flags,
    );
    const { error } = JSON.parse(stdout) as { error?: unknown };
    seen = { exitCode, error, names: await namesIn(kvm), old: (await readFile(join(kvm, 'disk.qcow2'))).length === 3 };
  });
  return seen;
}

for (const flags of [['--compress'], []])
  testWithMount(
    `with ${JSON.stringify(flags)} a disk that is full at the first write, in the middle or at the last write leaves the old result as it was, with 14`,
    async () => {
      const wholeBytes = await bytesTaken(...flags);
      for (const sizeBytes of [0, wholeBytes / 2, wholeBytes - PAGE_BYTES]) {
        const room = Math.floor(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
        await using folder = await ScratchFolder.make();
        expect(await convertInto(folder, room, ...flags)).toEqual({
          exitCode: 14,
          error: expect.objectContaining({ kind: 'local-file', message: expect.stringMatching(NO_SPACE) }),
          names: ['disk.qcow2'],
          old: true,
        });
      }
      await using folder = await ScratchFolder.make();
      expect(await convertInto(folder, wholeBytes, ...flags)).toMatchObject({ exitCode: 0, old: false });
    },
  );

/** Returns the space that the image takes in a tmpfs, without its holes. Other file systems count differently. */
async function bytesTaken(...flags: string[]): Promise<number> {
  await using scratch = await ScratchFolder.make();
  const kvm = join(scratch.path, 'kvm');
  await mkdir(kvm);
  let bytes = 0;
  await withTmpfs(kvm, 'size=64m', async () => {
    const run = await runConvert(scratch, join(sources.path, 'disk.raw'), '--input-format=raw', '-o', 'kvm/', ...flags);
    expect(run).toMatchObject({ exitCode: 0 });
    bytes = (await stat(join(kvm, 'disk.qcow2'))).blocks * 512;
  });
  return bytes;
}

testWithMount('a disk that is full when the domain is written leaves the old results as they were', async () => {
  await using scratch = await ScratchFolder.make();
  const kvm = join(scratch.path, 'kvm');
  await mkdir(kvm);
  const old = ['web-disk-1.qcow2', 'web.xml'];
  // Inodes for the folder, the existing results and the new image.
  await withTmpfs(kvm, 'size=16m,nr_inodes=4', async () => {
    for (const name of old) await writeFile(join(kvm, name), 'old');
    const args = [join(sources.path, 'out', 'web.ovf'), '-o', 'kvm/', '--force', '--json'];
    const { exitCode, stdout } = await runConvert(scratch, ...args);
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: 14,
      error: { message: `Could not write ${join(kvm, 'web.xml.partial')}: no space is left.` },
    });
    expect(exitCode).toBe(14);
    expect(await namesIn(kvm)).toEqual(old);
    for (const name of old) expect(await readFile(join(kvm, name), 'utf8')).toBe('old');
  });
});

testWithMount('a disk that another program fills meanwhile ends with 14, and is as it was', async () => {
  await using scratch = await ScratchFolder.make();
  const kvm = join(scratch.path, 'kvm');
  await mkdir(kvm);
  await writeBusyDisk(join(scratch.path, 'big.raw'));
  await withTmpfs(kvm, 'size=160m', async () => {
    const [image, partial] = [join(kvm, 'big.qcow2'), join(kvm, 'big.qcow2.partial')];
    const program = await stopAmid(
      copyInto(partial),
      () => startConvert(scratch, 'big.raw', '--input-format=raw', '-o', 'kvm/', '--compress', '--json'),
      () => Promise.all([image, partial].map((path) => rm(path, { force: true }))),
    );
    try {
      const { bavail, bsize } = await statfs(kvm);
      await writeFile(join(kvm, 'other'), Buffer.alloc(bavail * bsize));
    } finally {
      program.child.kill('SIGCONT');
    }
    const { exitCode, stdout } = await program.over;
    expect(JSON.parse(stdout)).toMatchObject({ error: { message: expect.stringMatching(NO_SPACE) } });
    expect({ exitCode, names: await namesIn(kvm) }).toEqual({ exitCode: 14, names: ['other'] });
  });
});
