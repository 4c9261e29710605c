import { join, resolve } from 'node:path';
import type { FileClaim, FileClaims } from '../../base/claims/file-claim.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { digestOfText } from '../../base/files/file-digest.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { giveFinalNames, type NamingOptions } from '../../base/output/final-names.ts';
import { removeFile, removeMadeFolders } from '../../base/output/local-folder.ts';
import type { LeftFile, OutputFile, OutputSet } from '../../base/output/output.ts';
import { partialPath } from '../../base/output/partial-name.ts';
import { requirePlainName } from '../../base/output/plain-name.ts';
import { BLOCK_BYTES, encodeHeaders, headersBytes, padded, RECORD_BYTES } from '../tar/tar-header.ts';
import { TarFile } from './tar-file.ts';
import { TarMember } from './tar-member.ts';
import { LEAST_MOVE_BYTES } from './tar-move.ts';

export interface TarOutputOptions extends NamingOptions {
  /** Created, including its parents, if it does not exist. */
  folder: string;
  /** Name of the tar. */
  name: string;
  /** The first member, which is written last, and the space reserved for it. */
  front: { name: string; reservedBytes: number };
}

/**
 * The members of one tar, which has a partial name until the commit. One member can be open at a time.
 * @throws Hyper2kvmError kind `local-file`.
 */
export class TarOutput implements OutputSet {
  readonly maxOpenFiles = 1;
  readonly folder: string;
  readonly path: string;
  readonly #naming: NamingOptions;
  readonly #tar: TarFile;
  readonly #madeFolder: string | undefined;
  readonly #frontName: string;
  readonly #mtime = new Date();
  readonly #claims: FileClaim[] = [];
  #reservedBytes: number;
  /** Offset of the end of the last complete member. */
  #end: number;
  #members = 0;
  #open: TarMember | undefined;
  /** A member is open, or is being opened. */
  #busy = false;
  /** Members have moved, so the offsets in their records are no longer valid. */
  #moved = false;
  #isOver = false;

  private constructor({ folder, name, front, force, mode }: TarOutputOptions, tar: TarFile, madeFolder?: string) {
    this.folder = folder;
    this.path = join(folder, name);
    this.#naming = { force, mode };
    this.#tar = tar;
    this.#madeFolder = madeFolder;
    this.#frontName = front.name;
    this.#reservedBytes = padded(front.reservedBytes);
    this.#end = headersBytes(front.name) + this.#reservedBytes;
  }

  static async open(options: TarOutputOptions): Promise<TarOutput> {
    requirePlainName(options.name);
    const folder = resolve(options.folder);
    const madeFolder = await makeFolder(folder);
    const tar = await TarFile.open(partialPath(join(folder, options.name)));
    return new TarOutput({ ...options, folder }, tar, madeFolder);
  }

  /**
   * Prevents other runs from using the name of the tar until this set ends.
   * @throws Hyper2kvmError kind `busy`.
   */
  async claim(claims: FileClaims): Promise<void> {
    this.#claims.push(await claims.claim(this.path));
  }

  async create(name: string): Promise<OutputFile> {
    requirePlainName(name);
    if (this.#busy) throw new Hyper2kvmError('internal', `An OVA takes ${name} only after its open member.`);
    this.#busy = true;
    try {
      this.#open = await this.#append(name);
      return this.#open;
    } catch (error) {
      this.#busy = false;
      throw error;
    }
  }

  async adopt({ name, sizeBytes, sha256, offsetBytes }: LeftFile, signal: AbortSignal): Promise<boolean> {
    const dataOffset = this.#end + headersBytes(name);
    // Members are contiguous: a member that does not follow the previously adopted ones cannot be kept.
    const found = offsetBytes === this.#end ? await this.#tar.digest(dataOffset, sizeBytes, signal) : undefined;
    if (found !== sha256.toLowerCase()) {
      await this.#tar.cut(this.#end);
      return false;
    }
    await this.#tar.write(encodeHeaders({ name, sizeBytes, mtime: this.#mtime }), this.#end);
    await this.#tar.write(new Uint8Array(padded(sizeBytes) - sizeBytes), dataOffset + sizeBytes);
    this.#end = dataOffset + padded(sizeBytes);
    this.#members += 1;
    return true;
  }

  /**
   * Writes the first member, padded to its reserved size with white space, which XML allows after the root element. A
   * longer one requires moving all data that was written. Returns the SHA-256 of the member as stored in the tar.
   */
  async writeFront(text: Uint8Array, signal?: AbortSignal): Promise<string> {
    if (this.#busy) throw new Hyper2kvmError('internal', 'A member of the OVA is still open.');
    await this.#tar.cut(this.#end);
    if (text.length > this.#reservedBytes) await this.#makeRoom(text.length - this.#reservedBytes, signal);
    const filled = Buffer.alloc(this.#reservedBytes, ' ');
    if (text.length < filled.length) filled.write('\n', filled.length - 1);
    filled.set(text);
    const headers = encodeHeaders({ name: this.#frontName, sizeBytes: filled.length, mtime: this.#mtime });
    await this.#tar.write(Buffer.concat([headers, filled]), 0);
    return digestOfText(filled);
  }

  /**
   * Writes the last member and the end-of-archive marker. Returns the size of the tar. A `discard` that keeps members
   * removes both.
   */
  async writeEnd(name: string, text: string): Promise<number> {
    const member = await this.#append(name);
    const bytes = Buffer.from(text);
    await member.append(bytes);
    await member.writeOut();
    const used = this.#end + headersBytes(name) + padded(bytes.length) + 2 * BLOCK_BYTES;
    const sizeBytes = Math.ceil(used / RECORD_BYTES) * RECORD_BYTES;
    await this.#tar.cut(sizeBytes);
    return sizeBytes;
  }

  /** Only the tar is renamed; the members have their final names. */
  async commit(_names: readonly string[] = []): Promise<void> {
    await giveFinalNames(this.folder, [this.path], this.#naming);
    this.#isOver = true;
    await this.#tar.close();
    this.#release();
  }

  async discard({ keepComplete }: { keepComplete: boolean }): Promise<void> {
    try {
      if (this.#isOver) return;
      await this.#open?.discard().catch(() => {});
      this.#isOver = true;
      const keep = keepComplete && !this.#moved && (await this.#keepMembers().catch(() => false));
      await this.#tar.close();
      if (!keep) await removeFile(this.#tar.path);
      await removeMadeFolders(this.folder, this.#madeFolder);
    } finally {
      this.#release();
    }
  }

  /** Truncates incomplete data. Returns false if there is nothing to keep. */
  async #keepMembers(): Promise<boolean> {
    // The file was left by an earlier process, and nothing was adopted from it yet.
    if (!this.#tar.isChanged) return !(await this.#tar.isEmpty());
    if (this.#members === 0) return false;
    await this.#tar.cut(this.#end);
    return true;
  }

  async #append(name: string): Promise<TarMember> {
    await this.#tar.cut(this.#end);
    const start = this.#end;
    return new TarMember(name, this.#tar, { offsetBytes: start, mtime: this.#mtime }, async (end) => {
      this.#open = undefined;
      this.#busy = false;
      if (end.kind === 'complete') {
        this.#members += 1;
        this.#end = end.endBytes;
        return;
      }
      if (end.wasComplete) {
        if (this.#end !== end.endBytes)
          throw new Hyper2kvmError('internal', `${name} is not the last member of the OVA.`);
        this.#members -= 1;
        this.#end = start;
      }
      await this.#tar.cut(this.#end);
    });
  }

  async #makeRoom(missingBytes: number, signal: AbortSignal | undefined): Promise<void> {
    const distance = Math.max(LEAST_MOVE_BYTES, padded(missingBytes));
    const start = headersBytes(this.#frontName) + this.#reservedBytes;
    this.#moved = true;
    await this.#tar.move(start, this.#end, distance, signal);
    this.#reservedBytes += distance;
    this.#end += distance;
  }

  #release(): void {
    for (const claim of this.#claims.splice(0)) claim[Symbol.dispose]();
  }
}
