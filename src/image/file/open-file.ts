import { constants, type Stats } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { openDirect } from '../../base/files/direct-io.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import type { ImageFile } from '../model/image.ts';

/** The unit of block device sizes in the kernel, whatever the sector size of the device. */
const KERNEL_SECTOR_BYTES = 512;

interface OpenOptions {
  /** The path must be a regular file: not a symbolic link and not a device. */
  asParent?: boolean;
  /** See `ImageFile`. */
  isUncached?: boolean;
}

/** A regular file or block device that is open for reading. The opener closes it. */
export class OpenFile implements ImageFile, AsyncDisposable {
  readonly path: string;
  readonly fd: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Equal for two paths to the same file. */
  readonly identity: string;
  readonly directFd: number | undefined;
  readonly isUncached: boolean;
  /** Kept because Node closes the file descriptor when the handle is garbage-collected. */
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
   * Opens `path`. If the path is not valid UTF-8, `bytes` contains it.
   * @throws Hyper2kvmError kind `local-file` if it cannot be opened, `image` if it is a folder, a pipe or similar.
   */
  static async open(
    path: string,
    { asParent = false, isUncached = false, bytes = Buffer.from(path) }: OpenOptions & { bytes?: Buffer } = {},
  ): Promise<OpenFile> {
    // Without O_NONBLOCK, opening a pipe that has no writer blocks forever. Files and block devices ignore the flag.
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

  /** Reads `lengthBytes` bytes at `offsetBytes`. Returns fewer bytes only at the end of the file. */
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
      // Another process has truncated the file since it was opened.
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
 * Node has no SEEK_HOLE. Through the page cache, holes are read as slowly as data, because the kernel fills every page
 * with zeros. With O_DIRECT the zeros go straight to the reader's buffer. A file without holes may already be in the
 * page cache.
 */
function hasHoles({ blocks, size }: Stats): boolean {
  return blocks * KERNEL_SECTOR_BYTES < size;
}

/**
 * `stat` reports size 0 for a block device, and Node has no ioctl. The size comes from sysfs
 * (Documentation/ABI/stable/sysfs-block).
 */
async function blockDeviceBytes(path: string, rdev: number): Promise<number> {
  // glibc's gnu_dev_major and gnu_dev_minor, for numbers below 2^32: 12 bits of major number between 8 and 12 bits of
  // minor number.
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
