import { describe, expect, test } from '@jest/globals';
import { runExport, ScratchFolder } from '../export-run.ts';
import { serve, WHOLE } from './served-web.ts';

describe('the limits of a download', () => {
  test('a host that reads over zeros before its first byte has longer than one that has begun', async () => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'late', ms: 8000, target: 'disk-2.vmdk' });
    const { error } = await runExport(server, scratch, { retries: 0, stallTimeoutMs: 4000, parallel: 1 });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
  });

  test('a host that does not begin within its limit is told apart from one that stalls', async () => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'stall', afterBytes: 0 });
    const { error } = await runExport(server, scratch, { retries: 0, firstByteTimeoutMs: 1000 });
    expect(error).toMatchObject({
      kind: 'transfer',
      cause: { hint: expect.stringContaining('--first-byte-timeout') },
    });
  });

  test('a stream that is silent for less than its limit goes on', async () => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'silence', afterBytes: 200_000, ms: 3000, target: 'disk-1.vmdk' });
    const { error } = await runExport(server, scratch, { retries: 0, firstByteTimeoutMs: 15_000 });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
  });
});

test('a process that was held up itself for longer than the stall limit goes on with its downloads', async () => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  let isHeldUp = false;
  const { error } = await runExport(server, scratch, {
    retries: 0,
    firstByteTimeoutMs: 1500,
    stallTimeoutMs: 1500,
    onEvent: ({ type }) => {
      if (type !== 'disk-progress' || isHeldUp) return;
      isHeldUp = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);
    },
  });
  expect({ error, isHeldUp }).toEqual({ error: undefined, isHeldUp: true });
  expect(await scratch.files()).toEqual(WHOLE);
});
