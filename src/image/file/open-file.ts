import { constants, type Stats } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { openDirect } from '../../base/files/direct-io.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import type { ImageFile } from '../model/image.ts';

/** The unit in which the kernel tells a block device's size, whatever its own sectors are. */
const KERNEL_SECTOR_BYTES = 512;

interface OpenOptions {
  /** It has to be a regular file under this very name: no link, no device. */
  asParent?: boolean;
  /** See `ImageFile`. */
  isUncached?: boolean;
}

/** A regular file or block device that is open for reading. Who opened it closes it. */
export class OpenFile implements ImageFile, AsyncDisposable {
  readonly path: string;
  readonly fd: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** The same for two paths to one file. */
  readonly identity: string;
  readonly directFd: number | undefined;
  readonly isUncached: boolean;
  /** Kept, since Node closes the descriptor of a handle that nobody holds. */
  readonly #handle: FileHandle;
  readonly #direct: FileHandle | undefined;

  private constructor(
    path: string,
    handle: FileHandle,
    stats: Stats,
    sizeBytes: number,
    { direct, isUncached }: { direct?: FileHandle | undefined; isUncached: boolean },
  ) {
    this.path = path;
    this.fd = handle.fd;
    this.sizeBytes = sizeBytes;
    this.modifiedMs = stats.mtimeMs;
    this.identity = `${stats.dev}:${stats.ino}`;
    this.directFd = direct?.fd;
    this.isUncached = isUncached;
    this.#handle = handle;
    this.#direct = direct;
  }

  /**
   * Opens `path`, which is `bytes` where that is no UTF-8.
   * @throws Hyper2kvmError kind `local-file` when it cannot be opened, `image` when it is a folder, pipe or the like.
   */
  static async open(
    path: string,
    { asParent = false, isUncached = false, bytes = Buffer.from(path) }: OpenOptions & { bytes?: Buffer } = {},
  ): Promise<OpenFile> {
    // A pipe without a writer would block for ever, but for O_NONBLOCK; files and block devices do not look at it.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | (asParent ? constants.O_NOFOLLOW : 0);
    const handle = await open(bytes, flags).catch((cause: unknown) => {
      throw new Hyper2kvmError('local-file', `${path} cannot be opened: ${sentenceOf(cause)}.`, { cause });
    });
    try {
      const stats = await handle.stat();
      if (stats.isFile()) {
        const direct = isUncached || hasHoles(stats) ? await openDirect(handle, 'read') : undefined;
        return new OpenFile(path, handle, stats, stats.size, { direct, isUncached });
      }
      if (stats.isBlockDevice() && !asParent) {
        return new OpenFile(path, handle, stats, await blockDeviceBytes(path, stats.rdev), { isUncached: false });
      }
      throw new Hyper2kvmError('image', `${path} is not a regular file${asParent ? '' : ' or block device'}.`);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Reads up to `lengthBytes` from `offsetBytes` on; less only at the end of the file. */
  async read(offsetBytes: number, lengthBytes: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(lengthBytes, this.sizeBytes - offsetBytes)));
    let filled = 0;
    while (filled < buffer.length) {
      const position = offsetBytes + filled;
      const { bytesRead } = await this.#handle
        .read(buffer, filled, buffer.length - filled, position)
        .catch((cause: unknown) => {
          const sentence = `${this.path} cannot be read at byte ${position}: ${sentenceOf(cause)}.`;
          throw new Hyper2kvmError('local-file', sentence, { cause });
        });
      // Cut off by somebody since it was opened.
      if (bytesRead === 0) return buffer.subarray(0, filled);
      filled += bytesRead;
    }
    return buffer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#handle.close(), this.#direct?.close()]);
  }
}

/**
 * Node has no SEEK_HOLE, and through the page cache a hole is read as slowly as data: each page of zeros is made. With O_DIRECT the zeros go straight into the reader's buffer. A
 * file without holes may well be in the page cache.
 */
function hasHoles({ blocks, size }: Stats): boolean {
  return blocks * KERNEL_SECTOR_BYTES < size;
}

/** `stat` gives a block device the size 0, and Node knows no ioctl: sysfs tells it (Documentation/ABI/stable/sysfs-block). */
async function blockDeviceBytes(path: string, rdev: number): Promise<number> {
  // glibc's gnu_dev_major and gnu_dev_minor, for numbers below 2^32: 12 bits of major between 8 and 12 bits of minor.
  const major = (rdev >>> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
  try {
    const sectors = Number(await readFile(`/sys/dev/block/${major}:${minor}/size`, 'utf8'));
    if (Number.isSafeInteger(sectors * KERNEL_SECTOR_BYTES)) return sectors * KERNEL_SECTOR_BYTES;
    throw new RangeError(`${sectors} sectors`);
  } catch (cause) {
    throw new Hyper2kvmError('local-file', `The size of the block device ${path} cannot be determined.`, { cause });
  }
}
