// For worker-pool.test.ts: opens files up to the limit of this process. Then makes a pool start a thread, and prints
// the error.
import { closeSync, openSync } from 'node:fs';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { FROM_INPUT, WINDOW_BYTES } from '../../../src/image/model/window.ts';
import { WorkerPool } from '../../../src/image/copy/worker-pool.ts';

const files: number[] = [];
try {
  for (;;) files.push(openSync('/dev/null', 'r'));
} catch {
  // This process has reached its limit.
}

const pool = new WorkerPool(1);
const part = { at: 0, lengthBytes: 1, fd: FROM_INPUT, fileOffsetBytes: 0, compressed: undefined };
const window = { offsetBytes: 0, lengthBytes: WINDOW_BYTES, parts: [part], input: new SharedArrayBuffer(1) };
const slab = await pool.takeSlab();
try {
  await pool.pack(window, slab, { clusterBytes: 65_536, packing: undefined, verify: false, hash: false });
} catch (error) {
  for (const file of files) closeSync(file);
  if (!(error instanceof Hyper2kvmError)) throw error;
  const { kind, message, hint } = error;
  process.stdout.write(JSON.stringify({ kind, message, hint }));
}
