import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { mixedContent, sparseContent, writeRawFile } from '../../../server/content-source.ts';
import type { VmOptions } from '../../../server/options.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';

/**
 * Grains that are half random and half zeros. zlib stores the random half uncompressed, so a flipped bit there
 * changes only the disk's content.
 */
const HALF_RANDOM = sparseContent(
  16 * 65536,
  Array.from({ length: 16 }, (_, grain) => ({
    offsetBytes: grain * 65536,
    lengthBytes: 32768,
    fill: 'random' as const,
  })),
  'half',
);
const WEB: VmOptions = {
  name: 'web',
  disks: [{ content: HALF_RANDOM }, { content: mixedContent(65536 * 8, 'second') }],
};
const DISK = 'disk-0.vmdk';
/** A bit in the first grain, which starts at 64 KiB. */
const FLIPPED_BIT: ScriptedFault = { on: 'disk', target: DISK, action: 'flip-bit', atByte: 70_000 };
const COMPRESSED = { format: 'qcow2', compression: 'fast' } as const;

const requests = (server: TestServer) => server.state().diskRequests;

async function expectSameDisk(qemuImg: string, scratch: ScratchFolder): Promise<void> {
  const image = join(scratch.output, 'web-disk-1.qcow2');
  await writeRawFile(HALF_RANDOM, `${image}.expected`);
  const { stdout } = await runProgram(qemuImg, ['compare', '-F', 'raw', image, `${image}.expected`]);
  expect(stdout).toBe('Images are identical.\n');
}

for (const action of ['no-entry', 'no-hash'] as const) {
  const title = `a disk for which the manifest has ${action.replace('-', ' ')} after all is fetched again, and inflated`;
  testWithOracle('qemu-img', title, async (oracles) => {
    await using server = await startTestServer({ vms: [WEB] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'manifest', target: DISK, action, times: 100 });
    server.faults.add(FLIPPED_BIT);
    const { error, events } = await runExport(server, scratch, COMPRESSED);
    expect(error).toBeUndefined();
    expect(requests(server)).toEqual({ [DISK]: 2, 'disk-1.vmdk': 1 });
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'warning', message: expect.stringMatching(/SHA-256 of web-disk-1\.qcow2/) }),
    );
    expect(events.filter(({ type }) => type === 'disk-complete')).toHaveLength(2);
    await expectSameDisk(oracles['qemu-img'], scratch);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
}

test('a bit that flips each time is met by the grain’s own checksum, and no image is left', async () => {
  await using server = await startTestServer({ vms: [WEB] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'manifest', action: 'no-entry', times: 1000 });
  server.faults.add({ ...FLIPPED_BIT, times: 100 });
  const { error } = await runExport(server, scratch, { ...COMPRESSED, retries: 1 });
  expect(error).toMatchObject({
    kind: 'image',
    message: expect.stringMatching(
      /^web-disk-1\.qcow2 could not be downloaded in all 2 attempts: .*The grain of .* for byte \d+ of the disk is damaged/,
    ),
  });
  expect(await scratch.files()).toEqual([]);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

test('a hash that comes only with the end of the lease is waited for', async () => {
  await using server = await startTestServer({ vms: [WEB] });
  await using scratch = await ScratchFolder.make();
  // The manifest is read after each of the two files, and at the end.
  server.faults.add({ on: 'manifest', target: DISK, action: 'no-entry', times: 2 });
  const { error, events } = await runExport(server, scratch, { ...COMPRESSED, parallel: 1 });
  expect(error).toBeUndefined();
  expect(server.faults.pending).toEqual([]);
  expect(requests(server)).toEqual({ [DISK]: 1, 'disk-1.vmdk': 1 });
  const complete = events.flatMap((event) => (event.type === 'disk-complete' ? [event.disk] : []));
  expect(complete.at(-1)).toBe('web-disk-1.qcow2');
});

test('a lease that ends before it told a hash takes its images with it', async () => {
  await using server = await startTestServer({ vms: [WEB] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'manifest', target: DISK, action: 'no-entry', times: 1 });
  server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'lease-expires', afterBytes: 1000 });
  const { error } = await runExport(server, scratch, { ...COMPRESSED, parallel: 1 });
  expect(error).toBeUndefined();
  expect(requests(server)).toEqual({ [DISK]: 2, 'disk-1.vmdk': 2 });
});

test('one VM is enough to learn that a server gives no hashes', async () => {
  await using server = await startTestServer({ vms: [WEB, { ...WEB, name: 'db' }] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'manifest', action: 'no-entry', times: 1000 });
  const { error } = await runExport(server, scratch, { ...COMPRESSED, vms: ['web', 'db'] });
  expect(error).toBeUndefined();
  expect(requests(server)).toEqual({ [DISK]: 3, 'disk-1.vmdk': 3 });
});

test.each([
  { format: 'qcow2', compression: undefined },
  { format: 'qcow2', compression: 'zstd' },
  { format: 'ovf', compression: undefined },
] as const)('%j does not rest on that hash', async (kind) => {
  await using server = await startTestServer({ vms: [WEB] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'manifest', action: 'no-entry', times: 1000 });
  const { error } = await runExport(server, scratch, { ...COMPRESSED, ...kind });
  expect(error).toBeUndefined();
  expect(requests(server)).toEqual({ [DISK]: 1, 'disk-1.vmdk': 1 });
});
