import { join } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { digestOfText } from '../../base/files/file-digest.ts';
import { FolderOutput, type FolderOutputOptions } from '../../base/output/folder-output.ts';
import { requirePlainName } from '../../base/output/plain-name.ts';
import { manifestText } from '../files/manifest.ts';
import { inPackageOrder } from './package-order.ts';
import type { MemberRecord, MemberWriter, PackageContent, PackageFile, PackageWriter } from './package-writer.ts';
import { StreamMember } from './stream-member.ts';

export interface FolderPackageOptions extends Omit<FolderOutputOptions, 'texts'> {
  /** The descriptor is `<baseName>.ovf`, the manifest `<baseName>.mf`. */
  baseName: string;
}

/**
 * Creates a package of separate files in a folder. Any number of members can be open at once.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function createFolderPackage({ baseName, ...options }: FolderPackageOptions): Promise<PackageWriter> {
  requirePlainName(`${baseName}.ovf`);
  const texts = { descriptor: `${baseName}.ovf`, manifest: `${baseName}.mf` };
  return new FolderPackage(await FolderOutput.open({ ...options, texts: Object.values(texts) }), texts);
}

class FolderPackage implements PackageWriter {
  readonly maxOpenMembers = Number.POSITIVE_INFINITY;
  readonly #output: FolderOutput;
  readonly #names: { descriptor: string; manifest: string };
  readonly #members = new Map<string, MemberRecord>();

  constructor(output: FolderOutput, names: { descriptor: string; manifest: string }) {
    this.#output = output;
    this.#names = names;
  }

  async openMember(name: string): Promise<MemberWriter> {
    this.#requireMemberName(name);
    const file = await this.#output.create(name);
    this.#members.delete(name);
    return new StreamMember(file, (record) => {
      if (record !== undefined) this.#members.set(name, record);
    });
  }

  async adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean> {
    const { name, sizeBytes, sha256 } = record;
    this.#requireMemberName(name);
    const isAdopted = await this.#output.adopt({ name, sizeBytes, sha256 }, signal);
    if (isAdopted) this.#members.set(name, { name, sizeBytes, sha256 });
    return isAdopted;
  }

  async finish({ descriptor, beforeNames }: PackageContent, signal?: AbortSignal): Promise<PackageFile[]> {
    this.#output.requireNoneOpen();
    signal?.throwIfAborted();
    const members = inPackageOrder(this.#members.values());
    const head = descriptor === undefined ? [] : [{ name: this.#names.descriptor, text: descriptor }];
    const hashes = [...head.map(({ name, text }) => ({ name, sha256: digestOfText(text) })), ...members];
    // The descriptor comes last: a folder that contains one is a complete package.
    const texts = [{ name: this.#names.manifest, text: manifestText(hashes) }, ...head];
    const written: MemberRecord[] = [];
    for (const { name, text } of texts) written.push(await this.#output.writeText(name, text));
    const all = [...members, ...written];
    const files = all.map(({ name, sizeBytes, sha256 }) => ({
      path: join(this.#output.folder, name),
      sizeBytes,
      sha256,
    }));
    signal?.throwIfAborted();
    await beforeNames?.(files);
    await this.#output.commit(all.map(({ name }) => name));
    return files;
  }

  discard({ keepComplete }: { keepComplete: boolean }): Promise<void> {
    return this.#output.discard({ keepComplete: keepComplete });
  }

  #requireMemberName(name: string): void {
    requirePlainName(name);
    if (name === this.#names.descriptor || name === this.#names.manifest) {
      throw new Hyper2kvmError('internal', `${name} is the package's own, and cannot be a member.`);
    }
  }
}
