/**
 * Copies all of `source` into `target`, from `at` on. There must be room.
 *
 * `Buffer.copy` moves a part of a buffer as memory moves (0.04 ms for 1 MiB), but hands a whole one to `TypedArray.set`, which takes memory that threads share byte by byte where the
 * two are not aligned alike (0.64 ms; Node 24, V8's `relaxed_memmove`). So all but the last byte is copied as a part.
 */
export function copyBytes(source: Uint8Array, target: Uint8Array, at: number): void {
  const last = source.length - 1;
  const lastByte = source[last];
  if (lastByte === undefined) return;
  if (at + last >= target.length) throw new RangeError(`${source.length} bytes do not fit from ${at} on`);
  // Read before, since the two may be the same memory.
  Buffer.from(source.buffer, source.byteOffset, source.length).copy(target, at, 0, last);
  target[at + last] = lastByte;
}
