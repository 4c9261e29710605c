import type { PackedWindow } from '../model/window.ts';
import type { CompleteFile, OutputFile } from '../../base/output/output.ts';
import { Writes } from '../../base/output/writes.ts';
import type { DiskSink, StoredPart, StoredWindow, WrittenRange } from '../model/sink.ts';

/** The granularity of holes: the block size of most file systems, which qemu-img uses too. */
export const RAW_CLUSTER_BYTES = 4096;

const SECTOR_BYTES = 512;

/**
 * Starts a sparse raw image.
 * @throws Hyper2kvmError kind `local-file` for a disk that exceeds the file size limit, which is 16 TiB on ext4.
 */
export async function createRawSink(file: OutputFile, virtualSizeBytes: number): Promise<DiskSink> {
  // A disk consists of complete sectors, as in the other formats and in qemu.
  const sizeBytes = Math.ceil(virtualSizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  await file.setSize(sizeBytes);
  return new RawSink(file, sizeBytes);
}

class RawSink implements DiskSink {
  readonly clusterBytes = RAW_CLUSTER_BYTES;
  readonly isLinear = true;
  /** Adjacent windows share one range, so this takes at most 16 bytes per 2 MiB window with data. */
  readonly written: WrittenRange[] = [];
  readonly #file: OutputFile;
  readonly #virtualSizeBytes: number;

  constructor(file: OutputFile, virtualSizeBytes: number) {
    this.#file = file;
    this.#virtualSizeBytes = virtualSizeBytes;
  }

  async put(window: PackedWindow): Promise<void> {
    const writes = new Writes(this.#file);
    const { offsetBytes, clusters, bytes } = window;
    this.#record(offsetBytes, Math.min(offsetBytes + window.lengthBytes, this.#virtualSizeBytes));
    for (let first = 0; first < clusters.length;) {
      // Clusters that are adjacent on the disk are also adjacent in the window, so one write covers them.
      let last = first;
      while (clusters[last + 1]?.index === (clusters[last]?.index ?? 0) + 1) last += 1;
      const { index = 0, at = 0 } = clusters[first] ?? {};
      const position = offsetBytes + index * RAW_CLUSTER_BYTES;
      const lengthBytes = Math.min((last + 1 - first) * RAW_CLUSTER_BYTES, this.#virtualSizeBytes - position);
      writes.add(bytes.subarray(at, at + lengthBytes), position);
      first = last + 1;
    }
    await writes.done();
  }

  restore({ offsetBytes, lengthBytes }: StoredWindow): Promise<StoredPart[]> {
    this.#record(offsetBytes, Math.min(offsetBytes + lengthBytes, this.#virtualSizeBytes));
    const length = Math.min(lengthBytes, this.#virtualSizeBytes - offsetBytes);
    return Promise.resolve([{ at: 0, lengthBytes: length, fileOffsetBytes: offsetBytes }]);
  }

  async endRestore(coveredBytes: number): Promise<void> {
    await this.#file.setSize(Math.min(coveredBytes, this.#virtualSizeBytes));
    await this.#file.setSize(this.#virtualSizeBytes);
  }

  finish(): Promise<CompleteFile> {
    return this.#file.complete();
  }

  #record(fromBytes: number, toBytes: number): void {
    const last = this.written.at(-1);
    if (last?.toBytes === fromBytes) last.toBytes = toBytes;
    else if (last === undefined || last.toBytes < fromBytes) this.written.push({ fromBytes, toBytes });
  }

  discard(): Promise<void> {
    return this.#file.discard();
  }
}
