import { open, type FileHandle } from 'node:fs/promises';
import { writeFully } from '../../../base/files/direct-io.ts';
import { errnoOf, localFileError } from '../../../base/files/local-file-error.ts';
import { blockCount, DIGEST_BYTES } from './blocks.ts';

/** Digests that are read at once when many blocks are skipped: 32 KiB, for 1 GiB of the disk. */
const DIGESTS_PER_READ = 1024;

/** The digests of the blocks of a disk, in a file of 32 bytes for each block. Memory does not grow with the disk. */
export class DigestFile implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #blocks: number;

  private constructor(path: string, handle: FileHandle, blocks: number) {
    this.#path = path;
    this.#handle = handle;
    this.#blocks = blocks;
  }

  /**
   * Creates the digests of a disk of zeros. Replaces an existing file.
   * @throws Hyper2kvmError kind `local-file`.
   */
  static async create(path: string, capacityBytes: number): Promise<DigestFile> {
    const blocks = blockCount(capacityBytes);
    try {
      const handle = await open(path, 'w+', 0o600);
      await handle.truncate(blocks * DIGEST_BYTES);
      return new DigestFile(path, handle, blocks);
    } catch (error) {
      throw localFileError('write', path, error);
    }
  }

  /** Opens the digests of a disk. Undefined when there are none for a disk of this size. */
  static async open(path: string, capacityBytes: number): Promise<DigestFile | undefined> {
    const blocks = blockCount(capacityBytes);
    let handle: FileHandle;
    try {
      handle = await open(path, 'r+');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw localFileError('read', path, error);
    }
    const { size } = await handle.stat();
    if (size === blocks * DIGEST_BYTES) return new DigestFile(path, handle, blocks);
    await handle.close();
    return undefined;
  }

  async digest(block: number): Promise<Buffer> {
    return await this.#read(block, 1);
  }

  async setDigest(block: number, digest: Uint8Array): Promise<void> {
    try {
      await writeFully(this.#handle, digest, block * DIGEST_BYTES);
    } catch (error) {
      throw localFileError('write', this.#path, error);
    }
  }

  /** Yields the blocks from `from` to before `to` that are not zeros. */
  async *filled(from: number, to: number): AsyncGenerator<number, void, undefined> {
    const last = Math.min(to, this.#blocks);
    for (let first = from; first < last; first += DIGESTS_PER_READ) {
      const count = Math.min(DIGESTS_PER_READ, last - first);
      const bytes = await this.#read(first, count);
      for (let index = 0; index < count; index += 1) {
        const digest = bytes.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
        if (digest.some((byte) => byte !== 0)) yield first + index;
      }
    }
  }

  async flush(): Promise<void> {
    try {
      await this.#handle.sync();
    } catch (error) {
      throw localFileError('write', this.#path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #read(block: number, count: number): Promise<Buffer> {
    const bytes = Buffer.alloc(count * DIGEST_BYTES);
    try {
      await this.#handle.read(bytes, 0, bytes.length, block * DIGEST_BYTES);
      return bytes;
    } catch (error) {
      throw localFileError('read', this.#path, error);
    }
  }
}
