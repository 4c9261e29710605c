import { join, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { digestOfText } from '../../base/files/file-digest.ts';
import { giveFinalNames, type NamingOptions } from '../../base/output/final-names.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { removeFile, removeMadeFolders } from '../../base/output/local-folder.ts';
import { manifestText } from '../files/manifest.ts';
import { PARTIAL_SUFFIX, requirePlainName } from '../../base/output/member-names.ts';
import type { MemberRecord, MemberWriter, PackageContent, PackageFile, PackageWriter } from './package-writer.ts';
import { BLOCK_BYTES, RECORD_BYTES, encodeHeaders, headersBytes, padded } from '../tar/tar-header.ts';
import { TarFile } from './tar-file.ts';
import { TarMember } from './tar-member.ts';
import { LEAST_MOVE_BYTES } from './tar-move.ts';

export interface OvaPackageOptions extends NamingOptions {
  /** Made with its parents when it is not there. */
  folder: string;
  /** The tar is `<baseName>.ova`; in it are `<baseName>.ovf`, the members, `<baseName>.mf`. */
  baseName: string;
  /**
   * Room for the descriptor at the tar's start. One that is longer costs a move of all that was written. The same number
   * in a later run lets it adopt what this one left.
   */
  reservedDescriptorBytes: number;
}

/** A package in one tar, which is written as it streams; one member may be open at a time. Throws kind `local-file`. */
export async function createOvaPackage(options: OvaPackageOptions): Promise<PackageWriter> {
  const ova = `${options.baseName}.ova`;
  requirePlainName(ova);
  const folder = resolve(options.folder);
  const madeFolder = await makeFolder(folder);
  const tar = await TarFile.open(join(folder, ova + PARTIAL_SUFFIX));
  return new OvaPackage({ ...options, folder }, tar, madeFolder);
}

/**
 * DSP0243 (OVF), on single-file packages: the descriptor is the tar's first file, the manifest may be the last. The descriptor names the
 * disks' sizes, which are known only when they have come; so its place is kept free at the start and filled at the end, the
 * descriptor made as long as its place with white space, which XML allows after the root element.
 */
class OvaPackage implements PackageWriter {
  readonly maxOpenMembers = 1;
  readonly #path: string;
  readonly #folder: string;
  readonly #descriptorName: string;
  readonly #manifestName: string;
  readonly #naming: NamingOptions;
  readonly #tar: TarFile;
  readonly #madeFolder: string | undefined;
  readonly #mtime = new Date();
  readonly #members: MemberRecord[] = [];
  #reservedBytes: number;
  /** The end of the last whole member. */
  #end: number;
  #open: TarMember | undefined;
  /** A member is open, or about to be. */
  #busy = false;
  /** Members no longer stand where their records say. */
  #moved = false;
  #over = false;

  constructor(options: OvaPackageOptions, tar: TarFile, madeFolder: string | undefined) {
    this.#folder = options.folder;
    this.#path = join(options.folder, `${options.baseName}.ova`);
    this.#descriptorName = `${options.baseName}.ovf`;
    this.#manifestName = `${options.baseName}.mf`;
    this.#naming = { force: options.force, mode: options.mode };
    this.#tar = tar;
    this.#madeFolder = madeFolder;
    this.#reservedBytes = padded(options.reservedDescriptorBytes);
    this.#end = headersBytes(this.#descriptorName) + this.#reservedBytes;
  }

  async openMember(name: string): Promise<MemberWriter> {
    this.#requireMemberName(name);
    if (this.#busy) throw new Hyper2kvmError('internal', `An OVA takes ${name} only after its open member.`);
    this.#busy = true;
    try {
      this.#open = await this.#appendMember(name, (record) => this.#onMemberEnd(record));
      return this.#open;
    } catch (error) {
      this.#busy = false;
      throw error;
    }
  }

  async #onMemberEnd(record: MemberRecord | undefined): Promise<void> {
    this.#open = undefined;
    this.#busy = false;
    if (record === undefined) return this.#tar.cut(this.#end);
    this.#members.push(record);
    this.#end += headersBytes(record.name) + padded(record.sizeBytes);
  }

  async adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean> {
    const { name, sizeBytes, sha256 } = record;
    this.#requireMemberName(name);
    const dataOffset = this.#end + headersBytes(name);
    // Members lie one after the other: what is not here, after those adopted before it, cannot be kept.
    const found = record.offsetBytes === this.#end ? await this.#tar.digest(dataOffset, sizeBytes, signal) : undefined;
    if (found !== sha256.toLowerCase()) {
      await this.#tar.cut(this.#end);
      return false;
    }
    await this.#tar.write(encodeHeaders({ name, sizeBytes, mtime: this.#mtime }), this.#end);
    await this.#tar.write(new Uint8Array(padded(sizeBytes) - sizeBytes), dataOffset + sizeBytes);
    this.#members.push({ name, sizeBytes, sha256, offsetBytes: this.#end });
    this.#end = dataOffset + padded(sizeBytes);
    return true;
  }

  async finish({ descriptor, beforeNames }: PackageContent, signal?: AbortSignal): Promise<PackageFile[]> {
    if (this.#busy) throw new Hyper2kvmError('internal', 'A member of the OVA is still open.');
    if (descriptor === undefined) throw new Hyper2kvmError('internal', 'An OVA needs a descriptor.');
    await this.#tar.cut(this.#end);
    const sha256 = await this.#writeDescriptor(Buffer.from(descriptor), signal);
    const manifest = manifestText([{ name: this.#descriptorName, sha256 }, ...this.#members]);
    const sizeBytes = await this.#writeTail(manifest);
    signal?.throwIfAborted();
    const files = [{ path: this.#path, sizeBytes }];
    await beforeNames?.(files);
    await giveFinalNames(this.#folder, [this.#path], this.#naming);
    this.#over = true;
    await this.#tar.close();
    return files;
  }

  async discard({ keepWhole }: { keepWhole: boolean }): Promise<void> {
    if (this.#over) return;
    await this.#open?.discard().catch(() => {});
    this.#over = true;
    const keep = keepWhole && !this.#moved && (await this.#keepMembers().catch(() => false));
    await this.#tar.close();
    if (!keep) await removeFile(this.#tar.path);
    await removeMadeFolders(this.#folder, this.#madeFolder);
  }

  /** Cuts off what is not whole; false when nothing is left to keep. */
  async #keepMembers(): Promise<boolean> {
    // What an earlier process left, and nobody asked for yet.
    if (!this.#tar.isChanged) return !(await this.#tar.isEmpty());
    if (this.#members.length === 0) return false;
    await this.#tar.cut(this.#end);
    return true;
  }

  async #appendMember(name: string, onEnd: (record: MemberRecord | undefined) => Promise<void>): Promise<TarMember> {
    await this.#tar.cut(this.#end);
    const { handle, path } = this.#tar;
    const place = { handle, path, offsetBytes: this.#end, mtime: this.#mtime };
    return new TarMember(name, place, onEnd);
  }

  /** Gives the SHA-256 of the descriptor as it stands in the tar. */
  async #writeDescriptor(text: Buffer, signal: AbortSignal | undefined): Promise<string> {
    if (text.length > this.#reservedBytes) await this.#makeRoom(text.length - this.#reservedBytes, signal);
    const filled = Buffer.alloc(this.#reservedBytes, ' ');
    if (text.length < filled.length) filled.write('\n', filled.length - 1);
    text.copy(filled);
    const headers = encodeHeaders({ name: this.#descriptorName, sizeBytes: filled.length, mtime: this.#mtime });
    await this.#tar.write(Buffer.concat([headers, filled]), 0);
    return digestOfText(filled);
  }

  async #makeRoom(missingBytes: number, signal: AbortSignal | undefined): Promise<void> {
    const distance = Math.max(LEAST_MOVE_BYTES, padded(missingBytes));
    const start = headersBytes(this.#descriptorName) + this.#reservedBytes;
    this.#moved = true;
    await this.#tar.move(start, this.#end, distance, signal);
    this.#reservedBytes += distance;
    this.#end += distance;
  }

  /** The manifest and the tar's end; gives the tar's size. `#end` stays, so that a discard can cut them off again. */
  async #writeTail(manifest: string): Promise<number> {
    const member = await this.#appendMember(this.#manifestName, () => Promise.resolve());
    const bytes = Buffer.from(manifest);
    await member.write(bytes);
    await member.commit(digestOfText(bytes));
    const used = this.#end + headersBytes(this.#manifestName) + padded(bytes.length) + 2 * BLOCK_BYTES;
    const sizeBytes = Math.ceil(used / RECORD_BYTES) * RECORD_BYTES;
    await this.#tar.cut(sizeBytes);
    return sizeBytes;
  }

  #requireMemberName(name: string): void {
    requirePlainName(name);
    const taken = [this.#descriptorName, this.#manifestName, ...this.#members.map((member) => member.name)];
    if (taken.includes(name)) throw new Hyper2kvmError('internal', `The OVA has a file ${name} already.`);
  }
}
