import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { copyWindows } from '../../../src/image/copy/copy-image.ts';
import { FROM_INPUT, WINDOW_BYTES, type CopyWindow, type PackedWindow } from '../../../src/image/model/window.ts';
import { WorkerPool } from '../../../src/image/copy/worker-pool.ts';
import type { DiskSink } from '../../../src/image/model/sink.ts';

const CLUSTER = 64 * 1024;

/** Window `number` of a disk: one cluster that is filled with the byte `fill` and stored as `stored`. */
function windowOf(number: number, fill: number, stored = deflateSync(Buffer.alloc(CLUSTER, fill))): CopyWindow {
  const input = new SharedArrayBuffer(stored.length);
  stored.copy(Buffer.from(input));
  const compressed = {
    codec: 'zlib',
    storedBytes: stored.length,
    exact: true,
    clusterBytes: CLUSTER,
    skipBytes: 0,
  } as const;
  const part = { at: 0, lengthBytes: CLUSTER, fd: FROM_INPUT, fileOffsetBytes: 0, compressed };
  return { offsetBytes: number * WINDOW_BYTES, lengthBytes: WINDOW_BYTES, parts: [part], input };
}

async function* windows(count: number, fill: number): AsyncGenerator<CopyWindow, void, undefined> {
  for (let number = 0; number < count; number += 1) yield windowOf(number, fill);
  await Promise.resolve();
}

/** A sink that records the number and the first byte of each window. `put` runs after that. */
function recordingSink(put: (window: PackedWindow) => Promise<void> = () => Promise.resolve()) {
  const seen: [number, number | undefined][] = [];
  const sink: DiskSink = {
    clusterBytes: CLUSTER,
    put: async (window) => {
      seen.push([window.offsetBytes / WINDOW_BYTES, window.bytes[0]]);
      await put(window);
    },
    finish: () => Promise.resolve({ sizeBytes: 0, modifiedMs: 0 }),
    discard: () => Promise.resolve(),
  };
  return { seen, sink };
}

function optionsOf(pool: WorkerPool, signal = new AbortController().signal) {
  return { pool, compression: undefined, verify: true, hash: false, signal };
}

test('disks that share a pool each come out in their own order', async () => {
  await using pool = new WorkerPool(2);
  const sinks = [1, 2, 3, 4].map((fill) => ({ fill, ...recordingSink(() => pause(fill)) }));
  await Promise.all(sinks.map(({ fill, sink }) => copyWindows(windows(20, fill), sink, optionsOf(pool))));
  for (const { fill, seen } of sinks) expect(seen).toEqual(Array.from({ length: 20 }, (_, number) => [number, fill]));
});

test('a disk whose source stalls holds no other one up', async () => {
  await using pool = new WorkerPool(1);
  const stall = new AbortController();
  const stalling = async function* () {
    yield* windows(3, 1);
    await new Promise((resolve) => stall.signal.addEventListener('abort', resolve));
  };
  const slow = recordingSink();
  const stalled = copyWindows(stalling(), slow.sink, optionsOf(pool));
  while (slow.seen.length < 3) await pause(5);
  const { seen, sink } = recordingSink();
  await copyWindows(windows(12, 2), sink, optionsOf(pool));
  expect(seen).toHaveLength(12);
  stall.abort();
  await stalled;
});

test('however many disks are in flight, no more windows are than three for each worker', async () => {
  await using pool = new WorkerPool(2);
  let now = 0;
  let most = 0;
  const counted = async function* () {
    for await (const window of windows(8, 7)) {
      yield window;
      // The engine has taken a slab for this window.
      most = Math.max(most, (now += 1));
    }
  };
  const { sink } = recordingSink(async () => {
    await pause(2);
    now -= 1;
  });
  await Promise.all(Array.from({ length: 10 }, () => copyWindows(counted(), sink, optionsOf(pool))));
  expect(now).toBe(0);
  expect(most).toBeGreaterThan(2);
  expect(most).toBeLessThanOrEqual(6);
});

test('the first failure in the order of the disk is told, and the pool goes on for the others', async () => {
  await using pool = new WorkerPool(2);
  const bad = async function* () {
    for (let number = 0; number < 20; number += 1)
      yield windowOf(number, 5, number < 2 ? undefined : Buffer.from([number, 9, 9]));
    await Promise.resolve();
  };
  const first = recordingSink();
  const failing = copyWindows(bad(), first.sink, optionsOf(pool));
  const message = expect.stringContaining(`for byte ${2 * WINDOW_BYTES} of the disk is damaged`);
  await expect(failing).rejects.toMatchObject({ kind: 'image', message });
  expect(first.seen).toEqual([
    [0, 5],
    [1, 5],
  ]);
  const full = recordingSink(() => Promise.reject(new Hyper2kvmError('local-file', 'The disk is full.')));
  await expect(copyWindows(windows(30, 6), full.sink, optionsOf(pool))).rejects.toThrow('The disk is full.');
  // The first window, and at most those that already had a slab.
  expect(full.seen.length).toBeLessThanOrEqual(6);
  const { seen, sink } = recordingSink();
  await copyWindows(windows(7, 3), sink, optionsOf(pool));
  expect(seen).toHaveLength(7);
});

test('an abort ends a copy, and nothing is written after', async () => {
  await using pool = new WorkerPool(1);
  const stop = new AbortController();
  const { seen, sink } = recordingSink(() => {
    stop.abort(new Error('enough'));
    return Promise.resolve();
  });
  await expect(copyWindows(windows(50, 4), sink, optionsOf(pool, stop.signal))).rejects.toThrow('enough');
  const { length } = seen;
  await pause(50);
  expect(seen).toHaveLength(length);
  expect(length).toBeLessThan(10);
});

test('a thread that cannot be started for want of open files is a fault of the host', async () => {
  const program = fileURLToPath(new URL('starved-pool.ts', import.meta.url));
  const limited = 'ulimit -n 128 && exec "$@"';
  const { stdout } = await promisify(execFile)('sh', ['-c', limited, 'sh', process.execPath, program]);
  expect(JSON.parse(stdout)).toEqual({
    kind: 'host',
    message: 'A worker thread could not be started: Worker initialization failure: EMFILE.',
    hint: expect.stringContaining('ulimit -n 1024'),
  });
});

test('a source that cannot be read is a local-file error that names the file and its hint, from a worker too', async () => {
  await using pool = new WorkerPool(1);
  // The kernel returns EIO for memory that is not mapped in the process.
  await using unreadable = await open('/proc/self/mem', 'r');
  const part = { at: 0, lengthBytes: CLUSTER, fd: unreadable.fd, fileOffsetBytes: CLUSTER, compressed: undefined };
  const window = { offsetBytes: 0, lengthBytes: WINDOW_BYTES, parts: [part] };
  const { sink } = recordingSink();
  await expect(copyWindows(Readable.from([window]), sink, optionsOf(pool))).rejects.toMatchObject({
    kind: 'local-file',
    message: expect.stringMatching(
      /^Could not read byte 65536 of \/proc\/\S+: the disk reports an input\/output error\.$/,
    ),
    hint: expect.stringContaining('storage'),
  });
});
