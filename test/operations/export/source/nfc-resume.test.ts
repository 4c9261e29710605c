import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { InterruptedError } from '../../../../src/base/errors.ts';
import { partialPath } from '../../../../src/base/output/partial-name.ts';
import type { ExportEvent } from '../../../../src/operations/export/types.ts';
import { environmentOf, startProgram } from '../../../cli-process/program.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { pooledContent, writeRawFile } from '../../../server/content-source.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder, type ExportRun } from '../export-run.ts';

const MiB = 2 ** 20;
const CONTENT = pooledContent(16 * MiB + 512, 'resume');
/** Without the comparison with the lease, which would read everything twice more. */
async function served(powerState: 'poweredOff' | 'poweredOn' = 'poweredOff'): Promise<TestServer> {
  const disks = [{ content: CONTENT }];
  const server = await startTestServer({ nfc: {}, vms: [{ name: 'web', moRef: 'vm-1', powerState, disks }] });
  server.faults.add({ on: 'ExportVm', action: 'soap-fault', fault: 'NotSupported', times: 100 });
  server.faults.add({ on: 'ExportSnapshot', action: 'soap-fault', fault: 'NotSupported', times: 100 });
  return server;
}

const NFC = { transport: 'nfc', retries: 0, parallel: 1 } as const;

/** The bytes of the disk that the last connection has read. */
const lastRead = (server: TestServer): number =>
  server
    .state()
    .nfc?.connections.at(-1)
    ?.files.reduce((sum, { bytesRead }) => sum + bytesRead, 0) ?? 0;

const stepsOf = ({ events }: ExportRun): string[] =>
  events.flatMap((event) => (event.type === 'step' ? [event.detail] : []));

/** Exports until the connection is cut, after `reads` reads that follow the comparison with the lease. */
async function exportUntilCut(
  server: TestServer,
  scratch: ScratchFolder,
  format: 'raw' | 'qcow2' | 'vmdk',
  { reads = 12, retries = 0 } = {},
): Promise<ExportRun> {
  let isAdded = false;
  const onEvent = ({ type }: ExportEvent): void => {
    if (type !== 'disk-started' || isAdded) return;
    isAdded = true;
    server.faults.add({ on: 'nfc', action: 'cut', afterBytes: 1000, skip: reads });
  };
  const run = await runExport(server, scratch, { ...NFC, format, retries, onEvent });
  if (retries === 0) expect(run.error).toMatchObject({ kind: 'transfer' });
  return run;
}

async function expectSame(qemuImg: string, scratch: ScratchFolder, format: string): Promise<void> {
  const image = join(scratch.output, `web-disk-1.${format}`);
  const expected = join(scratch.path, 'expected.raw');
  await writeRawFile(CONTENT, expected);
  if (format === 'qcow2') {
    expect((await runProgram(qemuImg, ['check', image])).stdout).toMatch(/^No errors were found/);
  }
  const { stdout } = await runProgram(qemuImg, ['compare', '-f', format, '-F', 'raw', image, expected]);
  expect(stdout).toBe('Images are identical.\n');
  expect(await scratch.files()).toEqual([`web-disk-1.${format}`, 'web.xml']);
}

describe.each(['raw', 'qcow2'] as const)('an interrupted %s image is continued where it was', (format) => {
  testWithOracle('qemu-img', 'after a connection that broke beyond the retries', async (oracles) => {
    await using server = await served();
    await using scratch = await ScratchFolder.make();
    const first = await exportUntilCut(server, scratch, format);
    expect(await scratch.files()).toContain(`web-disk-1.${format}.partial`);
    expect(first.result?.failed[0]?.keptForNextRun).toEqual([`web-disk-1.${format}`]);

    const second = await runExport(server, scratch, { ...NFC, format });
    expect(second.error).toBeUndefined();
    expect(stepsOf(second)).toContainEqual(expect.stringContaining(`Continuing web-disk-1.${format} after`));
    await expectSame(oracles['qemu-img'], scratch, format);
    // 12 of 17 reads had been requested before the cut, of which up to 9 were not answered.
    expect(lastRead(server)).toBeLessThan(14 * MiB);
    expect(second.result?.exported[0]?.transferredBytes).toBe(lastRead(server));
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);

    // A disk that is fetched at once has the same digest.
    await using other = await ScratchFolder.make();
    const whole = await runExport(server, other, { ...NFC, format });
    const digestOf = ({ events }: ExportRun): unknown[] =>
      events.flatMap((event) => (event.type === 'disk-complete' ? [event.sha256] : []));
    expect(digestOf(second)).toEqual(digestOf(whole));
  });

  testWithOracle('qemu-img', 'after kill -9', async (oracles) => {
    await using server = await served();
    await using scratch = await ScratchFolder.make();
    const env = environmentOf(server, join(scratch.path, 'state'));
    const args = ['export', 'web', '-o', scratch.output, '--format', format, '--transport', 'nfc', '--json'];
    const { child, over } = startProgram([...args, '--limit-rate', '1M'], { env, cwd: scratch.path });
    const journal = join(scratch.output, `web-disk-1.${format}.written.partial`);
    while ((await sizeOf(journal)) < 100) await pause(20);
    child.kill('SIGKILL');
    expect((await over).endedBy).toBe('SIGKILL');
    const coveredBytes = await firstCovered(journal);
    expect(coveredBytes).toBeGreaterThan(0);
    const second = await startProgram(args, { env, cwd: scratch.path }).over;
    expect(second.exitCode).toBe(0);
    await expectSame(oracles['qemu-img'], scratch, format);
    // What had arrived in the first 5 seconds was recorded before the kill.
    expect(lastRead(server)).toBeLessThanOrEqual(CONTENT.capacityBytes - coveredBytes);
  });

  testWithOracle('qemu-img', 'unless somebody changed the part that was written', async (oracles) => {
    await using server = await served();
    await using scratch = await ScratchFolder.make();
    await exportUntilCut(server, scratch, format);
    const partial = partialPath(join(scratch.output, `web-disk-1.${format}`));
    await flipByte(partial, MiB + 100);
    const second = await runExport(server, scratch, { ...NFC, format });
    expect(second.error).toBeUndefined();
    expect(second.result?.exported[0]?.warnings).toEqual([
      expect.stringContaining('could not be compared with the export lease'),
      expect.stringContaining(`web-disk-1.${format} was changed after an earlier attempt`),
    ]);
    await expectSame(oracles['qemu-img'], scratch, format);
    expect(lastRead(server)).toBeGreaterThanOrEqual(CONTENT.capacityBytes);
  });
});

async function sizeOf(path: string): Promise<number> {
  await using file = await open(path).catch(() => undefined);
  return file === undefined ? 0 : (await file.stat()).size;
}

/** The end of the first batch in a journal. */
async function firstCovered(path: string): Promise<number> {
  await using file = await open(path);
  const bytes = Buffer.alloc(8);
  await file.read(bytes, 0, 8, 48);
  return Number(bytes.readBigUInt64LE());
}

async function flipByte(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
}

const PLAIN = { ...NFC, format: 'raw' } as const;

testWithOracle('qemu-img', 'an interrupted image is continued by the next attempt of the same run', async (oracles) => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  const run = await exportUntilCut(server, scratch, 'raw', { retries: 2 });
  expect(run.error).toBeUndefined();
  expect(run.events.some(({ type }) => type === 'disk-retry')).toBe(true);
  expect(stepsOf(run)).toContainEqual(expect.stringContaining('Continuing'));
  await expectSame(oracles['qemu-img'], scratch, 'raw');
  expect(lastRead(server)).toBeLessThan(14 * MiB);
});

testWithOracle('qemu-img', 'an interrupted image is continued after Ctrl-C', async (oracles) => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  const stop = new AbortController();
  const onEvent = (event: ExportEvent): void => {
    if (event.type === 'disk-progress' && event.coveredBytes > 5 * MiB) stop.abort(new InterruptedError('SIGINT'));
  };
  const first = await runExport(server, scratch, {
    ...PLAIN,
    limitRateBytes: 8 * MiB,
    signal: stop.signal,
    onEvent,
  });
  expect(first.thrown).toBeInstanceOf(InterruptedError);
  expect(await scratch.files()).toContain('web-disk-1.raw.partial');
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  const second = await runExport(server, scratch, PLAIN);
  expect(second.error).toBeUndefined();
  await expectSame(oracles['qemu-img'], scratch, 'raw');
  expect(lastRead(server)).toBeLessThan(12 * MiB);
});

test('another point in time is fetched from the start, and the old part is removed', async () => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  await exportUntilCut(server, scratch, 'raw');
  server.changeVm('web', { changeVersion: 'later' });
  const second = await runExport(server, scratch, PLAIN);
  expect(second.error).toBeUndefined();
  expect(stepsOf(second).join('\n')).not.toContain('Continuing');
  expect(lastRead(server)).toBeGreaterThanOrEqual(CONTENT.capacityBytes);
});

test('the lease starts over, and leaves no journal', async () => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  await exportUntilCut(server, scratch, 'raw');
  server.faults.clear();
  const second = await runExport(server, scratch, { ...PLAIN, transport: 'lease' });
  expect(second.error).toBeUndefined();
  expect(await scratch.files()).toEqual(['web-disk-1.raw', 'web.xml']);
});

test('a journal without its image, and a damaged journal, are not used', async () => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  await exportUntilCut(server, scratch, 'raw');
  await rm(partialPath(join(scratch.output, 'web-disk-1.raw')));
  await exportUntilCut(server, scratch, 'raw');
  const journal = (await readdir(scratch.output)).find((name) => name.includes('.written')) ?? '';
  await flipByte(join(scratch.output, journal), 60);
  const last = await runExport(server, scratch, PLAIN);
  expect(last.error).toBeUndefined();
  expect(lastRead(server)).toBeGreaterThanOrEqual(CONTENT.capacityBytes);
});

test('the disks of an own snapshot are not kept, because the snapshot is removed', async () => {
  await using server = await served('poweredOn');
  await using scratch = await ScratchFolder.make();
  const onEvent = ({ type }: ExportEvent): void => {
    if (type === 'disk-started') server.faults.add({ on: 'nfc', action: 'cut', afterBytes: 1000, skip: 12 });
  };
  const power = { kind: 'snapshot', quiesce: false } as const;
  const { error } = await runExport(server, scratch, { ...PLAIN, power, onEvent });
  expect(error).toMatchObject({ kind: 'transfer' });
  expect(await scratch.files()).toEqual([]);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

test('a VMDK, which is written from start to end, starts over', async () => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  await exportUntilCut(server, scratch, 'vmdk');
  expect(await scratch.files()).toEqual([]);
});
