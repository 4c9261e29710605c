import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import { writeFully } from '../../base/files/direct-io.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import type { ReplicaFormat } from './replica-format.ts';
import { hasMappedHeader, hasMappedMetadata, mappedLayout, writeMetadata } from './mapped-qcow2.ts';

export interface ReplicaShape {
  format: ReplicaFormat;
  /** A multiple of 512. */
  capacityBytes: number;
}

/** Identifies the state of a file: a program that wrote to it since then has changed at least one of these values. */
export interface FileStamp {
  sizeBytes: number;
  modifiedMs: number;
}

/**
 * A disk image that is written in place: each byte of the disk is at `dataOffsetBytes` plus its own offset. Bytes that
 * were never written are holes of the file. Also for a block device, whose data offset is 0.
 */
export class ReplicaImage implements AsyncDisposable {
  readonly path: string;
  readonly capacityBytes: number;
  readonly #handle: FileHandle;
  readonly #dataOffsetBytes: number;

  private constructor(path: string, handle: FileHandle, { format, capacityBytes }: ReplicaShape) {
    this.path = path;
    this.capacityBytes = capacityBytes;
    this.#handle = handle;
    this.#dataOffsetBytes = format === 'qcow2' ? mappedLayout(capacityBytes).dataOffsetBytes : 0;
  }

  /**
   * Creates an image of zeros; the file must not exist.
   * @throws Hyper2kvmError kind `local-file`.
   */
  static async create(path: string, shape: ReplicaShape, mode?: number): Promise<ReplicaImage> {
    return await attempt('write', path, async () => {
      const handle = await open(path, 'wx+', mode ?? 0o600);
      try {
        if (mode !== undefined) await handle.chmod(mode);
        if (shape.format === 'qcow2') await writeMetadata(handle, shape.capacityBytes);
        else await handle.truncate(shape.capacityBytes);
        return new ReplicaImage(path, handle, shape);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  /**
   * Opens an image for reading and writing.
   * @throws Hyper2kvmError kind `local-file`; kind `image` when the file does not have this shape.
   */
  static async open(path: string, shape: ReplicaShape): Promise<ReplicaImage> {
    return await attempt('open', path, async () => {
      const handle = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
      try {
        if (!(await hasShape(handle, shape))) throw otherShape(path, shape);
        return new ReplicaImage(path, handle, shape);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  /** Fills `target` with the content at `offsetBytes`. */
  async read(offsetBytes: number, target: Uint8Array): Promise<void> {
    await attempt('read', this.path, async () => {
      for (let done = 0; done < target.length;) {
        const position = this.#dataOffsetBytes + offsetBytes + done;
        const { bytesRead } = await this.#handle.read(target, done, target.length - done, position);
        if (bytesRead === 0) throw new Hyper2kvmError('image', `${this.path} is shorter than its disk.`);
        done += bytesRead;
      }
    });
  }

  /** Writes within the capacity. */
  async write(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    if (offsetBytes < 0 || offsetBytes + bytes.length > this.capacityBytes) {
      throw new RangeError(`${bytes.length} bytes at ${offsetBytes} are not within ${this.capacityBytes} bytes`);
    }
    await attempt('write', this.path, () => writeFully(this.#handle, bytes, this.#dataOffsetBytes + offsetBytes));
  }

  async flush(): Promise<void> {
    await attempt('write', this.path, () => this.#handle.sync());
  }

  async stamp(): Promise<FileStamp> {
    return await attempt('read', this.path, async () => {
      const { size, mtimeMs } = await this.#handle.stat();
      return { sizeBytes: size, modifiedMs: mtimeMs };
    });
  }

  /**
   * Returns true if each byte of the disk is still at its place. For a qcow2 it reads all metadata: 160 KiB for each
   * GiB of the disk.
   */
  async isLinear({ format, capacityBytes }: ReplicaShape): Promise<boolean> {
    if (format === 'raw') return true;
    return await attempt('read', this.path, () => hasMappedMetadata(this.#handle, capacityBytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

async function hasShape(handle: FileHandle, { format, capacityBytes }: ReplicaShape): Promise<boolean> {
  if (format === 'qcow2') return await hasMappedHeader(handle, capacityBytes);
  const stats = await handle.stat();
  return !stats.isFile() || stats.size === capacityBytes;
}

function otherShape(path: string, { format, capacityBytes }: ReplicaShape): Hyper2kvmError {
  return new Hyper2kvmError('image', `${path} is not the ${format} replica of a disk of ${capacityBytes} bytes.`, {
    hint: 'Another program has replaced or changed the file.',
  });
}

async function attempt<Result>(doing: string, path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw localFileError(doing, path, error);
  }
}
