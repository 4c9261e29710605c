import { stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findOracle } from '../oracles/find-oracle.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { runExport, ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent, writeRawFile } from '../server/content-source.ts';
import { streamOptimized } from '../server/stream-optimized-writer.ts';
import { startTestServer } from '../server/test-server.ts';
import { namesIn, runConvert } from './convert-run.ts';

const MiB = 1 << 20;
const CONTENT = mixedContent(3 * MiB, 'convert');

/** Creates `disk.vmdk` and its raw content, `disk.raw`. */
async function makeDisk({ path }: ScratchFolder): Promise<string> {
  await writeRawFile(CONTENT, join(path, 'disk.raw'));
  const file = join(path, 'disk.vmdk');
  await writeFile(file, streamOptimized(CONTENT));
  return file;
}

/** Creates `out/web.ova` with `export`. */
async function makeOva(scratch: ScratchFolder): Promise<void> {
  const disks = [{ content: CONTENT }, { content: mixedContent(2 * MiB, 'second') }];
  await using server = await startTestServer({ vms: [{ name: 'web', disks }] });
  const { error } = await runExport(server, scratch, { format: 'ova' });
  expect(error).toBeUndefined();
}

/** Compares the image with qemu-img, if it is installed. */
async function expectSame(scratch: ScratchFolder, image: string): Promise<void> {
  const qemuImg = findOracle('qemu-img');
  if (qemuImg === undefined) return;
  const files = [join(scratch.path, 'disk.raw'), join(scratch.path, image)];
  expect(await outputOf(qemuImg, ['compare', '-f', 'raw', ...files])).toBe('Images are identical.\n');
}

test.concurrent('an image becomes a qcow2 in the current folder; the summary says how it was verified', async () => {
  await using scratch = await ScratchFolder.make();
  await makeDisk(scratch);
  const { exitCode, stdout, stderr } = await runConvert(scratch, 'disk.vmdk');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /^Converted disk\.vmdk to qcow2 in \/.*\n.*\n +disk\.qcow2 .* vmdk streamOptimized +source ch/,
  );
  expect(stderr).toMatch(/Z disk: disk\.qcow2: complete, /);
  await expectSame(scratch, 'disk.qcow2');
  expect(await namesIn(scratch.path)).toEqual(['disk.qcow2', 'disk.raw', 'disk.vmdk']);
});

test.concurrent.each([
  [['--compress'], 'qcow2', 'checksums'],
  [['--compress=careful', '--verify', '--cluster-size=4K'], 'qcow2', 'read-back'],
  [['--format', 'raw', '--no-verify'], 'raw', 'checksums'],
])('with %j and --json there is one document', async (flags, format, verified) => {
  await using scratch = await ScratchFolder.make();
  await makeDisk(scratch);
  const { exitCode, stdout } = await runConvert(scratch, 'disk.vmdk', '-o', 'made/', ...flags, '--json');
  expect(exitCode).toBe(0);
  const path = join(scratch.path, 'made', `disk.${format}`);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    exitCode: 0,
    result: { source: 'disk.vmdk', disks: [{ path, format, virtualSizeBytes: 3 * MiB, verified }] },
    warnings: [],
  });
  await expectSame(scratch, `made/disk.${format}`);
});

testWithOracle('qemu-img', 'a VMDK of qemu-img is read back, since it has no checksums', async (oracles) => {
  await using scratch = await ScratchFolder.make();
  await writeRawFile(CONTENT, join(scratch.path, 'disk.raw'));
  const files = [join(scratch.path, 'disk.raw'), join(scratch.path, 'sparse.vmdk')];
  await outputOf(oracles['qemu-img'], ['convert', '-f', 'raw', '-O', 'vmdk', ...files]);
  const { exitCode, stdout, stderr } = await runConvert(scratch, 'sparse.vmdk', '-o', 'named.img');
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('read back') });
  expect(stderr).toContain('named.img: reading back');
  await expectSame(scratch, 'named.img');
});

test.concurrent('an OVA becomes its images and a domain, which is the next step', async () => {
  await using scratch = await ScratchFolder.make();
  await makeOva(scratch);
  await writeRawFile(CONTENT, join(scratch.path, 'disk.raw'));
  const { exitCode, stdout } = await runConvert(scratch, 'out/web.ova', '-o', 'kvm/', '--compress');
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`virsh define ${join(scratch.path, 'kvm', 'web.xml')}\n`);
  expect(await namesIn(join(scratch.path, 'kvm'))).toEqual(['web-disk-1.qcow2', 'web-disk-2.qcow2', 'web.xml']);
  await expectSame(scratch, 'kvm/web-disk-1.qcow2');
});

test.concurrent('a dry run shows what would be written, and writes nothing', async () => {
  await using scratch = await ScratchFolder.make();
  await makeOva(scratch);
  const { exitCode, stdout } = await runConvert(scratch, 'out/web.ova', '-o', 'kvm/', '--dry-run');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /out\/web\.ova is an OVA\.[^]*web-disk-2\.qcow2 +Hard disk 2: web-disk-2\.vmdk +vmdk streamOptimized +2\.0 MiB/,
  );
  expect(stdout).toMatch(/ {2}web\.xml\n$/);
  expect(await namesIn(scratch.path)).not.toContain('kvm');
});

test.concurrent('what cannot be converted ends with its code, and leaves nothing', async () => {
  await using scratch = await ScratchFolder.make();
  const disk = await makeDisk(scratch);
  await truncate(disk, (await stat(disk)).size - 700_000);
  await writeFile(join(scratch.path, 'taken.qcow2'), 'mine');
  const before = await namesIn(scratch.path);
  const rows = [
    { args: [], exitCode: 2, kind: 'usage', says: /needs SOURCE/ },
    {
      args: ['disk.raw', '--input-format', 'raw', '--format', 'raw', '-o', 'disk.raw', '--force'],
      exitCode: 2,
      kind: 'usage',
      says: /own source/,
    },
    { args: ['disk.raw', '--disk', '2', '-o', 'a'], exitCode: 2, kind: 'usage', says: /--disk 2 does not exist/ },
    { args: ['disk.vmdk', '-o', 'a.qcow2'], exitCode: 13, kind: 'image', says: /disk\.vmdk/ },
    { args: ['none.vmdk', '-o', 'a.qcow2'], exitCode: 14, kind: 'local-file', says: /none\.vmdk: it does not exist/ },
    {
      args: ['disk.raw', '--input-format=raw', '-o', 'taken.qcow2'],
      exitCode: 14,
      kind: 'local-file',
      says: /taken\.qcow2 exists/,
    },
    {
      args: ['disk.raw', '--input-format=raw', '-o', 'taken.qcow2', '--dry-run'],
      exitCode: 14,
      kind: 'local-file',
      says: /taken\.qcow2 exists/,
    },
  ];
  await Promise.all(
    rows.map(async ({ args, exitCode, kind, says }) => {
      const { stdout, exitCode: ended } = await runConvert(scratch, ...args, '--json');
      const document: unknown = JSON.parse(stdout);
      expect(document).toMatchObject({ ok: false, exitCode, error: { kind, message: expect.stringMatching(says) } });
      expect(ended).toBe(exitCode);
    }),
  );
  expect(await namesIn(scratch.path)).toEqual(before);
});

test.concurrent('--force replaces the file of that name', async () => {
  await using scratch = await ScratchFolder.make();
  await makeDisk(scratch);
  await writeFile(join(scratch.path, 'disk.qcow2'), 'old');
  const { exitCode, stdout, stderr } = await runConvert(scratch, 'disk.vmdk', '--force', '--quiet');
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  await expectSame(scratch, 'disk.qcow2');
});
