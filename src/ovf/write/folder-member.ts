import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf, localFileError } from '../../base/files/local-file-error.ts';
import { canTakeOver, OWNER_ONLY } from '../../base/files/own-file.ts';
import { BufferedFile } from '../../base/output/buffered-file.ts';
import { digestOf, digestOfText } from '../../base/files/file-digest.ts';
import { removeFile } from '../../base/output/local-folder.ts';
import type { MemberRecord, MemberWriter } from './package-writer.ts';

/** One file of a folder package, under its `.partial` name. */
export class FolderMember implements MemberWriter {
  /** The file is the server's, byte for byte: its own checksums stay in it. */
  readonly restsOnHash = false;
  readonly #name: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #file: BufferedFile;
  readonly #onEnd: (record: MemberRecord | undefined) => void;
  #ended = false;

  constructor(name: string, path: string, handle: FileHandle, onEnd: (record: MemberRecord | undefined) => void) {
    this.#name = name;
    this.#path = path;
    this.#handle = handle;
    this.#file = new BufferedFile(handle, path, 0);
    this.#onEnd = onEnd;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#file.write(chunk);
  }

  async commit(sha256: string): Promise<MemberRecord> {
    await this.#file.end();
    try {
      await this.#handle.sync();
      await this.#handle.close();
    } catch (error) {
      throw localFileError('write', this.#path, error);
    }
    this.#ended = true;
    const record = { name: this.#name, sizeBytes: this.#file.offsetBytes, sha256 };
    this.#onEnd(record);
    return record;
  }

  /** Does nothing after a commit. */
  async discard(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(undefined);
    await this.#file.settle();
    await this.#handle.close().catch(() => {});
    await removeFile(this.#path);
  }
}

/** Writes a small text as a whole member at `path`. On failure nothing of it is left. */
export async function writeTextMember(name: string, path: string, text: string): Promise<MemberRecord> {
  const member = new FolderMember(name, path, await createNew(path), () => {});
  try {
    await member.write(Buffer.from(text));
    return await member.commit(digestOfText(text));
  } catch (error) {
    await member.discard();
    throw error;
  }
}

/** A new file under a name that may hold a leftover; a link that stands there is removed, not followed. */
export async function createNew(path: string, access = constants.O_WRONLY): Promise<FileHandle> {
  try {
    await removeFile(path);
    return await open(path, access | constants.O_CREAT | constants.O_EXCL, OWNER_ONLY);
  } catch (error) {
    throw localFileError('create', path, error);
  }
}

/** Not through a link; and not waiting, should a named pipe stand there. */
const OPEN_LEFTOVER = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Whether the file at `path` is this user's own, and has that size and SHA-256 (hex). Rejects with the reason of an abort; throws kind `local-file`. */
export async function isWhole(path: string, sizeBytes: number, sha256: string, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  let handle: FileHandle;
  try {
    handle = await open(path, OPEN_LEFTOVER);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return false;
    throw localFileError('read', path, error);
  }
  try {
    const found = await handle.stat();
    if (!canTakeOver(found) || found.size !== sizeBytes) return false;
    return (await digestOf(handle, 0, sizeBytes, signal)) === sha256.toLowerCase();
  } catch (error) {
    throw localFileError('read', path, error);
  } finally {
    await handle.close();
  }
}
