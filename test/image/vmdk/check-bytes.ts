import { Hyper2kvmError } from '../../../src/base/errors.ts';
import {
  StreamOptimizedCheck,
  type StreamOptimizedSummary,
} from '../../../src/image/vmdk/stream/stream-optimized-check.ts';

/** Returns a generator of numbers from 0 to 2^32-1 that depend only on the seed (xorshift32). */
export function seededNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

/** Returns incompressible bytes. */
export function noise(length: number, seed: number): Buffer {
  const next = seededNumbers(seed);
  return Buffer.from(Uint8Array.from({ length }, () => next() & 0xff));
}

/** Runs the check on `bytes`, in chunks of the sizes that `chunkSize` returns. */
export function check(bytes: Uint8Array, chunkSize: () => number = () => 16384): StreamOptimizedSummary {
  const checker = new StreamOptimizedCheck({ name: 'disk.vmdk' });
  for (let at = 0; at < bytes.length;) {
    const end = at + Math.max(1, chunkSize());
    checker.update(bytes.subarray(at, end));
    at = end;
  }
  return checker.finish();
}

/**
 * Returns the error that the check throws.
 * @throws if the check succeeds
 */
export function failureOf(bytes: Uint8Array, chunkSize?: () => number): Hyper2kvmError {
  try {
    check(bytes, chunkSize);
  } catch (error) {
    if (error instanceof Hyper2kvmError) return error;
    throw error;
  }
  throw new Error('the stream was accepted');
}
