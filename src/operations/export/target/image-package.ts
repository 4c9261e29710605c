import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import type { ImageEncoding } from '../../../image/model/encoding.ts';
import type { NamingOptions } from '../../../base/output/final-names.ts';
import { FolderOutput } from '../../../base/output/folder-output.ts';
import { inPackageOrder } from '../../../ovf/write/package-order.ts';
import type { MemberHints, MemberRecord, PackageContent, PackageFile } from '../../../ovf/write/package-writer.ts';
import { StreamMember } from '../../../ovf/write/stream-member.ts';
import type { ExportMember, ExportWriter } from './export-writer.ts';
import { ImageMember } from './image-member.ts';

export interface ImagePackageOptions extends NamingOptions {
  folder: string;
  /** The file name of the domain or manifest. */
  descriptorName: string;
  encoding: ImageEncoding;
  /** The threads shared by all images of the run. */
  workers: SharedWorkers;
}

/**
 * Creates a folder of disk images with a libvirt domain as the descriptor. The counterpart of the OVF folder and the
 * OVA, for VMs that run on KVM.
 */
export async function createImagePackage(options: ImagePackageOptions): Promise<ExportWriter> {
  return new ImagePackage(options, await FolderOutput.open({ ...options, texts: [options.descriptorName] }));
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
    const { encoding } = this.#options;
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

  async adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean> {
    const isAdopted = await this.#output.adopt(record, signal);
    if (isAdopted) this.#complete.set(record.name, record);
    return isAdopted;
  }

  async finish({ descriptor, beforeNames }: PackageContent, signal?: AbortSignal): Promise<PackageFile[]> {
    const names = inPackageOrder(this.#complete.values()).map(({ name }) => name);
    const domain = this.#options.descriptorName;
    if (descriptor !== undefined) names.push((await this.#output.writeText(domain, descriptor)).name);
    signal?.throwIfAborted();
    // Read the attributes again, because an image may have been changed after it was complete.
    const files = await Promise.all(
      names.map(async (name) => ({
        path: join(this.#options.folder, name),
        sizeBytes: (await stat(this.#output.pathOf(name))).size,
      })),
    );
    await beforeNames?.(files);
    await this.#output.commit(names);
    this.#finished = true;
    await this.#workers[Symbol.asyncDispose]();
    return files;
  }

  async discard({ keepComplete }: { keepComplete: boolean }): Promise<void> {
    if (this.#finished) return;
    for (const member of this.#open.values()) await member.discard();
    await this.#workers[Symbol.asyncDispose]();
    await this.#output.discard({ keepComplete: keepComplete });
  }
}
