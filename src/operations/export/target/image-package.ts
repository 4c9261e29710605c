import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import type { ImageEncoding } from '../../../image/encoding.ts';
import { giveFinalNames, type NamingOptions } from '../../../base/output/final-names.ts';
import { createNew, FolderMember, isWhole, writeTextMember } from '../../../ovf/write/folder-member.ts';
import { makeFolder } from '../../../base/files/make-folder.ts';
import { canTakeOver } from '../../../base/files/own-file.ts';
import { removeFile, removeMadeFolders } from '../../../base/output/local-folder.ts';
import { inPackageOrder, PARTIAL_SUFFIX } from '../../../base/output/member-names.ts';
import type { MemberHints, MemberRecord, PackageContent, PackageFile } from '../../../ovf/write/package-writer.ts';
import type { ExportMember, ExportWriter } from './export-writer.ts';
import { ImageMember } from './image-member.ts';

export interface ImagePackageOptions extends NamingOptions {
  folder: string;
  /** Of the domain or manifest. */
  descriptorName: string;
  encoding: ImageEncoding;
  /** The threads of all images of the run. */
  workers: SharedWorkers;
}

/** A folder of disk images with a libvirt domain, which is its descriptor. The counterpart of the folder and the OVA, for VMs that stay here. */
export async function createImagePackage(options: ImagePackageOptions): Promise<ExportWriter> {
  return new ImagePackage(options, await makeFolder(options.folder));
}

class ImagePackage implements ExportWriter {
  readonly maxOpenMembers = Number.POSITIVE_INFINITY;
  readonly #options: ImagePackageOptions;
  readonly #madeFolder: string | undefined;
  readonly #open = new Map<string, ExportMember>();
  readonly #whole = new Map<string, MemberRecord>();
  /** Its threads start with the first disk. */
  readonly #workers: ReturnType<SharedWorkers['use']>;
  #finished = false;

  constructor(options: ImagePackageOptions, madeFolder: string | undefined) {
    this.#options = options;
    this.#madeFolder = madeFolder;
    this.#workers = options.workers.use();
  }

  async openMember(name: string, hints: MemberHints): Promise<ExportMember> {
    this.#whole.delete(name);
    const onEnd = (record: MemberRecord | undefined) => {
      this.#open.delete(name);
      if (record) this.#whole.set(name, record);
      else this.#whole.delete(name);
    };
    const { encoding } = this.#options;
    const path = this.#partialPath(name);
    const image = {
      name,
      path,
      encoding,
      virtualSizeBytes: hints.capacityBytes,
      verify: !hints.hashedByServer,
      pool: this.#workers.pool,
    };
    const member = hints.isDisk
      ? await ImageMember.open(image, onEnd)
      : new FolderMember(name, path, await createNew(path), onEnd);
    this.#open.set(name, member);
    return member;
  }

  /** An image is not hashed: one of this user's own that has its size and its time of change still was flushed whole, and not touched since. */
  async adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean> {
    const path = this.#partialPath(record.name);
    const isSame =
      record.modifiedMs === undefined
        ? await isWhole(path, record.sizeBytes, record.sha256, signal)
        : await lstat(path).then(
            (found) => canTakeOver(found) && found.size === record.sizeBytes && found.mtimeMs === record.modifiedMs,
            () => false,
          );
    if (isSame) this.#whole.set(record.name, record);
    else await removeFile(path);
    return isSame;
  }

  async finish({ descriptor, beforeNames }: PackageContent, signal?: AbortSignal): Promise<PackageFile[]> {
    const members = inPackageOrder(this.#whole.values());
    const domain = this.#options.descriptorName;
    if (descriptor !== undefined) members.push(await writeTextMember(domain, this.#partialPath(domain), descriptor));
    signal?.throwIfAborted();
    // Looked up, since an image may have been changed after it was whole.
    const files = await Promise.all(
      members.map(async ({ name }) => ({
        path: join(this.#options.folder, name),
        sizeBytes: (await stat(this.#partialPath(name))).size,
      })),
    );
    const paths = files.map(({ path }) => path);
    await beforeNames?.(files);
    await giveFinalNames(this.#options.folder, paths, this.#options);
    this.#finished = true;
    await this.#workers[Symbol.asyncDispose]();
    return files;
  }

  async discard({ keepWhole }: { keepWhole: boolean }): Promise<void> {
    if (this.#finished) return;
    for (const member of this.#open.values()) await member.discard();
    await this.#workers[Symbol.asyncDispose]();
    const names = [this.#options.descriptorName, ...(keepWhole ? [] : this.#whole.keys())];
    for (const name of names) await removeFile(this.#partialPath(name));
    await removeMadeFolders(this.#options.folder, this.#madeFolder);
  }

  #partialPath(name: string): string {
    return join(this.#options.folder, name + PARTIAL_SUFFIX);
  }
}
