import { join, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { digestOfText } from '../../base/files/file-digest.ts';
import { giveFinalNames, type NamingOptions } from '../../base/output/final-names.ts';
import { FolderMember, createNew, isWhole, writeTextMember } from './folder-member.ts';
import { makeFolder } from '../../base/files/make-folder.ts';
import { removeFile, removeMadeFolders } from '../../base/output/local-folder.ts';
import { manifestText } from '../files/manifest.ts';
import { PARTIAL_SUFFIX, inPackageOrder, requirePlainName } from '../../base/output/member-names.ts';
import type { MemberRecord, MemberWriter, PackageContent, PackageFile, PackageWriter } from './package-writer.ts';

export interface FolderPackageOptions extends NamingOptions {
  /** Made with its parents when it is not there. */
  folder: string;
  /** The descriptor is `<baseName>.ovf`, the manifest `<baseName>.mf`. */
  baseName: string;
}

/** A package of separate files in a folder; any number of members may be open at once. Throws kind `local-file`. */
export async function createFolderPackage(options: FolderPackageOptions): Promise<PackageWriter> {
  requirePlainName(`${options.baseName}.ovf`);
  const folder = resolve(options.folder);
  return new FolderPackage({ ...options, folder }, await makeFolder(folder));
}

class FolderPackage implements PackageWriter {
  readonly maxOpenMembers = Number.POSITIVE_INFINITY;
  readonly #folder: string;
  readonly #descriptorName: string;
  readonly #manifestName: string;
  readonly #naming: NamingOptions;
  readonly #madeFolder: string | undefined;
  readonly #open = new Map<string, FolderMember>();
  readonly #whole = new Map<string, MemberRecord>();
  #finished = false;

  constructor({ folder, baseName, force, mode }: FolderPackageOptions, madeFolder: string | undefined) {
    this.#folder = folder;
    this.#descriptorName = `${baseName}.ovf`;
    this.#manifestName = `${baseName}.mf`;
    this.#naming = { force, mode };
    this.#madeFolder = madeFolder;
  }

  async openMember(name: string): Promise<MemberWriter> {
    this.#requireMemberName(name);
    if (this.#open.has(name)) throw new Hyper2kvmError('internal', `${name} is open already.`);
    this.#whole.delete(name);
    const path = this.#partialPath(name);
    const member = new FolderMember(name, path, await createNew(path), (record) => {
      this.#open.delete(name);
      if (record !== undefined) this.#whole.set(name, record);
    });
    this.#open.set(name, member);
    return member;
  }

  async adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean> {
    const { name, sizeBytes, sha256 } = record;
    this.#requireMemberName(name);
    const path = this.#partialPath(name);
    if (!(await isWhole(path, sizeBytes, sha256, signal))) {
      await removeFile(path);
      return false;
    }
    this.#whole.set(name, { name, sizeBytes, sha256 });
    return true;
  }

  async finish({ descriptor, beforeNames }: PackageContent, signal?: AbortSignal): Promise<PackageFile[]> {
    if (this.#open.size > 0)
      throw new Hyper2kvmError('internal', `${[...this.#open.keys()].join(', ')} is still open.`);
    signal?.throwIfAborted();
    const members = inPackageOrder(this.#whole.values());
    const head = descriptor === undefined ? [] : [{ name: this.#descriptorName, text: descriptor }];
    const hashes = [...head.map(({ name, text }) => ({ name, sha256: digestOfText(text) })), ...members];
    // The descriptor comes last: a folder with one is a whole package.
    const texts = [{ name: this.#manifestName, text: manifestText(hashes) }, ...head];
    const written: MemberRecord[] = [];
    for (const { name, text } of texts) written.push(await writeTextMember(name, this.#partialPath(name), text));
    const files = [...members, ...written].map(({ name, sizeBytes, sha256 }) => ({
      path: join(this.#folder, name),
      sizeBytes,
      sha256,
    }));
    signal?.throwIfAborted();
    await beforeNames?.(files);
    await giveFinalNames(
      this.#folder,
      files.map(({ path }) => path),
      this.#naming,
    );
    this.#finished = true;
    return files;
  }

  async discard({ keepWhole }: { keepWhole: boolean }): Promise<void> {
    if (this.#finished) return;
    for (const member of this.#open.values()) await member.discard();
    const texts = [this.#manifestName, this.#descriptorName];
    const names = keepWhole ? texts : [...texts, ...this.#whole.keys()];
    for (const name of names) await removeFile(this.#partialPath(name));
    if (!keepWhole) this.#whole.clear();
    await removeMadeFolders(this.#folder, this.#madeFolder);
  }

  #partialPath(name: string): string {
    return join(this.#folder, name + PARTIAL_SUFFIX);
  }

  #requireMemberName(name: string): void {
    requirePlainName(name);
    if (name === this.#descriptorName || name === this.#manifestName) {
      throw new Hyper2kvmError('internal', `${name} is the package's own, and cannot be a member.`);
    }
  }
}
