/**
 * Gives a buffer's memory back at once, as an `ArrayBuffer` does that moves to length 0; nobody may hold it any more. Left to the collector, hundreds of megabytes of
 * clusters wait. What stands in Node's pool, beside the buffers of others, is left alone.
 */
export function freeBuffer({ buffer, byteLength }: Buffer): void {
  const isPooled = buffer.byteLength === Buffer.poolSize && byteLength < Buffer.poolSize;
  if (buffer instanceof ArrayBuffer && !isPooled) buffer.transfer(0);
}
