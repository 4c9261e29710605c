import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { SlabQueue } from '../../../src/vsphere/lease/slab-queue.ts';

const MiB = 1024 * 1024;

test('a slow reader stops the source, gets every byte in order, and the slabs are used again', async () => {
  let stopped = false;
  const queue = new SlabQueue(() => (stopped = false));
  const sent = createHash('sha256');
  let left = 40 * MiB + 7;
  let stops = 0;
  const source = setInterval(() => {
    while (!stopped && left > 0) {
      const piece = Buffer.alloc(Math.min(left, 16 * 1024), left % 251);
      sent.update(piece);
      left -= piece.length;
      stopped = !queue.push(piece);
      stops += stopped ? 1 : 0;
    }
    if (left > 0) return;
    clearInterval(source);
    queue.end();
  }, 1);
  const received = createHash('sha256');
  const memory = new Set<ArrayBufferLike>();
  for await (const slab of queue.slabs()) {
    received.update(slab);
    memory.add(slab.buffer);
  }
  expect(received.digest('hex')).toBe(sent.digest('hex'));
  expect(stops).toBeGreaterThan(5);
  expect(memory.size).toBeLessThanOrEqual(5);
});

test('a slow source is passed on before a slab is full', async () => {
  const queue = new SlabQueue(() => undefined);
  const slabs = queue.slabs();
  queue.push(Buffer.from('drip'));
  expect((await slabs.next()).value?.toString()).toBe('drip');
  queue.push(Buffer.from('drop'));
  queue.end();
  expect((await slabs.next()).value?.toString()).toBe('drop');
  expect((await slabs.next()).done).toBe(true);
});

test('a failure reaches the reader at once, waiting or not', async () => {
  const queue = new SlabQueue(() => undefined);
  const waiting = queue.slabs().next();
  queue.fail(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  const full = new SlabQueue(() => undefined);
  full.push(Buffer.alloc(3 * MiB));
  full.fail(new Error('gone'));
  await expect(full.slabs().next()).rejects.toThrow('gone');
});
