import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import type { ImageEncoding } from '../../../image/model/encoding.ts';
import type { NamingOptions } from '../../../base/output/final-names.ts';
import { FolderOutput } from '../../../base/output/folder-output.ts';
import { removeFile } from '../../../base/output/local-folder.ts';
import { DEFAULT_CLUSTER_BYTES } from '../../../image/create-sink.ts';
import { RAW_CLUSTER_BYTES } from '../../../image/raw/raw-sink.ts';
import { inPackageOrder } from '../../../ovf/write/package-order.ts';
import type { MemberHints, MemberRecord, PackageContent, PackageFile } from '../../../ovf/write/package-writer.ts';
import { writeManifest, type FileToList, type ListedFile } from '../../image-manifest.ts';
import { StreamMember } from '../../../ovf/write/stream-member.ts';
import type { ExportMember, ExportWriter } from './export-writer.ts';
import { canContinue, ContinuedImage, continuedWindowBytes } from './continued-image.ts';
import { ImageMember } from './image-member.ts';
import { journalPath, WrittenJournal } from './written-journal.ts';

export interface ImagePackageOptions extends NamingOptions {
  folder: string;
  /** The file name of the domain or manifest. */
  descriptorName: string;
  /** The file name of the manifest; undefined for none. */
  manifestName?: string | undefined;
  encoding: ImageEncoding;
  /** The content of the disks and how it is stored: an unfinished image of another one is not continued. */
  identity: string;
  /** The threads shared by all images of the run. */
  workers: SharedWorkers;
}

/**
 * Creates a folder of disk images with a libvirt domain as the descriptor. The counterpart of the OVF folder and the
 * OVA, for VMs that run on KVM.
 */
export async function createImagePackage(options: ImagePackageOptions): Promise<ExportWriter> {
  return new ImagePackage(options, await FolderOutput.open({ ...options, texts: textsOf(options) }));
}

function textsOf({ descriptorName, manifestName }: ImagePackageOptions): string[] {
  return [descriptorName, ...(manifestName === undefined ? [] : [manifestName])];
}

class ImagePackage implements ExportWriter {
  readonly maxOpenMembers = Number.POSITIVE_INFINITY;
  readonly #options: ImagePackageOptions;
  readonly #output: FolderOutput;
  readonly #open = new Map<string, ExportMember>();
  readonly #complete = new Map<string, MemberRecord>();
  /** The threads start with the first disk. */
  readonly #workers: ReturnType<SharedWorkers['use']>;
  #finished = false;

  constructor(options: ImagePackageOptions, output: FolderOutput) {
    this.#options = options;
    this.#output = output;
    this.#workers = options.workers.use();
  }

  async openMember(name: string, hints: MemberHints): Promise<ExportMember> {
    this.#complete.delete(name);
    const onEnd = (record: MemberRecord | undefined) => {
      this.#open.delete(name);
      if (record) this.#complete.set(name, record);
      else this.#complete.delete(name);
    };
    const { encoding, folder } = this.#options;
    if (hints.isDisk && hints.isRandomAccess === true && canContinue(encoding)) {
      const member = await this.#openContinued(name, hints.capacityBytes, onEnd);
      this.#open.set(name, member);
      return member;
    }
    await removeFile(journalPath(join(folder, name)));
    const file = await this.#output.create(name);
    const image = {
      file,
      encoding,
      virtualSizeBytes: hints.capacityBytes,
      verify: !hints.hashedByServer,
      pool: this.#workers.pool,
    };
    const member = hints.isDisk ? await ImageMember.open(image, onEnd) : new StreamMember(file, onEnd);
    this.#open.set(name, member);
    return member;
  }

  /** Opens the image of an earlier attempt or run, if it has a journal; otherwise starts one. */
  async #openContinued(
    name: string,
    capacityBytes: number,
    onEnd: (record: MemberRecord | undefined) => void,
  ): Promise<ContinuedImage> {
    const { encoding, folder, identity } = this.#options;
    const { clusterBytes = encoding.format === 'raw' ? RAW_CLUSTER_BYTES : DEFAULT_CLUSTER_BYTES } = encoding;
    const facts = { identity, capacityBytes, windowBytes: continuedWindowBytes(clusterBytes), clusterBytes };
    const journal = journalPath(join(folder, name));
    const left = await WrittenJournal.reopen(journal, facts);
    const old = left && (await this.#output.reopen(name));
    if (left && !old) await left[Symbol.asyncDispose]();
    const file = old ?? (await this.#output.create(name));
    const options = { file, left: old && left, journal, facts, encoding, pool: this.#workers.pool, onEnd };
    return await ContinuedImage.open(options);
  }

  async adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean> {
    const isAdopted = await this.#output.adopt(record, signal);
    if (isAdopted) this.#complete.set(record.name, record);
    return isAdopted;
  }

  async finish({ descriptor, beforeNames }: PackageContent, signal?: AbortSignal): Promise<PackageFile[]> {
    const members = inPackageOrder(this.#complete.values());
    const texts: FileToList[] = [];
    if (descriptor !== undefined) texts.push(await this.#output.writeText(this.#options.descriptorName, descriptor));
    const hashes = await this.#list(members, texts, signal);
    signal?.throwIfAborted();
    // The domain comes last: a folder that contains one is a complete export.
    const names = [...members, ...hashes.slice(-1), ...texts].map(({ name }) => name);
    // Read the attributes again, because an image may have been changed after it was complete.
    const files = await Promise.all(
      names.map(async (name) => ({
        path: join(this.#options.folder, name),
        sizeBytes: (await stat(this.#output.pathOf(name))).size,
        ...sha256Of(name, hashes),
      })),
    );
    await beforeNames?.(files);
    await this.#output.commit(names);
    this.#finished = true;
    await this.#workers[Symbol.asyncDispose]();
    return files;
  }

  /** The files with their hashes, and the manifest that lists them as the last one; empty without a manifest. */
  async #list(
    members: readonly MemberRecord[],
    texts: readonly FileToList[],
    signal: AbortSignal | undefined,
  ): Promise<ListedFile[]> {
    const { manifestName } = this.#options;
    if (manifestName === undefined) return [];
    // The record of an image has the hash of the stream that it was made from.
    const images = members.map(({ name, sha256, modifiedMs }) =>
      modifiedMs === undefined ? { name, sha256 } : { name },
    );
    return await writeManifest(this.#output, manifestName, [...images, ...texts], signal);
  }

  async discard({ keepComplete }: { keepComplete: boolean }): Promise<void> {
    if (this.#finished) return;
    for (const member of this.#open.values()) await member.discard();
    await this.#workers[Symbol.asyncDispose]();
    await this.#output.discard({ keepComplete: keepComplete });
  }
}

function sha256Of(wanted: string, hashes: readonly ListedFile[]): { sha256?: string } {
  const found = hashes.find(({ name }) => name === wanted);
  return found === undefined ? {} : { sha256: found.sha256 };
}
