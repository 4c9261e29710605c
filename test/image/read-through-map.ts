import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Codec, CompressedRun, MappedImage, Run } from '../../src/image/model/image.ts';
import { GRAIN_DATA_OFFSET, checkGrainMarker } from '../../src/image/vmdk/layout/marker.ts';

const DECODERS: Record<Codec, (bytes: Uint8Array, options: { chunkSize: number }) => Buffer> = {
  zlib: inflateSync,
  deflate: inflateRawSync,
  zstd: zstdDecompressSync,
};

/**
 * Returns all runs of a range.
 * @throws if the runs leave a gap, overlap or leave the range, or if a run is `absent`
 */
export async function runsOf(image: MappedImage, fromBytes = 0, toBytes = image.virtualSizeBytes): Promise<Run[]> {
  const runs: Run[] = [];
  let at = fromBytes;
  for await (const run of image.map(fromBytes, toBytes)) {
    if (run.offsetBytes !== at || !Number.isSafeInteger(run.lengthBytes) || run.lengthBytes < 1) {
      throw new Error(`a run of ${run.lengthBytes} bytes at ${run.offsetBytes}, where one at ${at} was due`);
    }
    if (run.kind === 'absent') throw new Error(`an absent run at ${at} without a chain`);
    at += run.lengthBytes;
    runs.push(run);
  }
  if (at !== toBytes) throw new Error(`the runs end at ${at}, not at ${toBytes}`);
  return runs;
}

/** Reads a range in the simplest way, run by run. Only for small ranges. */
export async function readThroughMap(
  image: MappedImage,
  fromBytes = 0,
  toBytes = image.virtualSizeBytes,
): Promise<Buffer> {
  const content = Buffer.alloc(toBytes - fromBytes);
  for (const run of await runsOf(image, fromBytes, toBytes)) {
    if (run.kind !== 'zero') bytesOf(image, run).copy(content, run.offsetBytes - fromBytes);
  }
  return content;
}

/** Returns the SHA-256 of the complete content. Reads pieces of 1 MiB, so that it works for large images too. */
export async function hashThroughMap(image: MappedImage): Promise<string> {
  const hash = createHash('sha256');
  const piece = 1 << 20;
  for (let at = 0; at < image.virtualSizeBytes; at += piece) {
    hash.update(await readThroughMap(image, at, Math.min(at + piece, image.virtualSizeBytes)));
  }
  return hash.digest('hex');
}

function bytesOf(image: MappedImage, run: Exclude<Run, { kind: 'zero' }>): Buffer {
  switch (run.kind) {
    case 'absent':
      throw new Error(`an absent run at ${run.offsetBytes} without a chain`);
    case 'data': {
      const bytes = readAt(image, run.file, run.fileOffsetBytes, run.lengthBytes);
      if (bytes.length < run.lengthBytes) throw new Error(`a run at ${run.offsetBytes} ends beyond its file`);
      return bytes;
    }
    case 'compressed': {
      if (run.markerSector !== undefined) checkMarker(image, run, run.markerSector);
      const stored = readAt(image, run.file, run.fileOffsetBytes, run.storedBytes);
      // The output buffer is larger than a cluster. Otherwise zstd needs a second call, and would interpret bytes after
      // its frame as another frame.
      const cluster = DECODERS[run.codec](stored, { chunkSize: run.clusterBytes + 64 });
      if (cluster.length > run.clusterBytes) throw new Error(`a cluster of ${cluster.length} bytes`);
      const bytes = cluster.subarray(run.skipBytes, run.skipBytes + run.lengthBytes);
      if (bytes.length < run.lengthBytes)
        throw new Error(`a cluster at ${run.offsetBytes} has ${cluster.length} bytes`);
      return bytes;
    }
  }
}

function checkMarker(image: MappedImage, run: CompressedRun, markerSector: number): void {
  const marker = readAt(image, run.file, run.fileOffsetBytes - GRAIN_DATA_OFFSET, GRAIN_DATA_OFFSET);
  const fault = checkGrainMarker(marker, markerSector, run.storedBytes);
  if (fault !== undefined) throw new Error(fault);
}

/** Reads the part of the range that is inside the file. */
function readAt(image: MappedImage, file: number, offsetBytes: number, lengthBytes: number): Buffer {
  const source = image.files[file];
  if (source === undefined) throw new Error(`a run points into file ${file} of ${image.files.length}`);
  const bytes = Buffer.alloc(lengthBytes);
  let filled = 0;
  while (filled < lengthBytes) {
    const count = readSync(source.fd, bytes, filled, lengthBytes - filled, offsetBytes + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
