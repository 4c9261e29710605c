import { Hyper2kvmError } from '../../base/errors.ts';
import type { NamingOptions } from '../../base/output/final-names.ts';
import { requirePlainName } from '../../base/output/plain-name.ts';
import { manifestText } from '../files/manifest.ts';
import type { MemberRecord, MemberWriter, PackageContent, PackageFile, PackageWriter } from './package-writer.ts';
import { StreamMember } from './stream-member.ts';
import { TarOutput } from './tar-output.ts';

export interface OvaPackageOptions extends NamingOptions {
  /** Created, including its parents, if it does not exist. */
  folder: string;
  /** The tar is `<baseName>.ova`. It contains `<baseName>.ovf`, the members and `<baseName>.mf`. */
  baseName: string;
  /**
   * Space reserved for the descriptor at the start of the tar. A longer descriptor requires moving all data that was
   * written. A later run must use the same value to adopt the data of this one.
   */
  reservedDescriptorBytes: number;
}

/**
 * Creates a package in a single tar, which is written as a stream. One member can be open at a time.
 * @throws Hyper2kvmError kind `local-file`.
 */
export async function createOvaPackage(options: OvaPackageOptions): Promise<PackageWriter> {
  const { folder, baseName, reservedDescriptorBytes: reservedBytes, force, mode } = options;
  const front = { name: `${baseName}.ovf`, reservedBytes };
  return new OvaPackage(baseName, await TarOutput.open({ folder, name: `${baseName}.ova`, front, force, mode }));
}

/**
 * DSP0243 (OVF) on single-file packages: the descriptor is the first file of the tar, and the manifest can be the last.
 * The descriptor contains the sizes of the disks, which are known only after the disks have been received. Space for it
 * is therefore reserved at the start and filled at the end.
 */
class OvaPackage implements PackageWriter {
  readonly maxOpenMembers = 1;
  readonly #descriptorName: string;
  readonly #manifestName: string;
  readonly #output: TarOutput;
  readonly #members: MemberRecord[] = [];

  constructor(baseName: string, output: TarOutput) {
    this.#descriptorName = `${baseName}.ovf`;
    this.#manifestName = `${baseName}.mf`;
    this.#output = output;
  }

  async openMember(name: string): Promise<MemberWriter> {
    this.#requireMemberName(name);
    return new StreamMember(await this.#output.create(name), (record) => {
      if (record !== undefined) this.#members.push(record);
    });
  }

  async adoptMember(record: MemberRecord, signal: AbortSignal): Promise<boolean> {
    this.#requireMemberName(record.name);
    const isAdopted = await this.#output.adopt(record, signal);
    if (isAdopted) this.#members.push(record);
    return isAdopted;
  }

  async finish({ descriptor, beforeNames }: PackageContent, signal?: AbortSignal): Promise<PackageFile[]> {
    if (descriptor === undefined) throw new Hyper2kvmError('internal', 'An OVA needs a descriptor.');
    const sha256 = await this.#output.writeFront(Buffer.from(descriptor), signal);
    const manifest = manifestText([{ name: this.#descriptorName, sha256 }, ...this.#members]);
    const sizeBytes = await this.#output.writeEnd(this.#manifestName, manifest);
    signal?.throwIfAborted();
    const files = [{ path: this.#output.path, sizeBytes }];
    await beforeNames?.(files);
    await this.#output.commit();
    return files;
  }

  discard({ keepComplete }: { keepComplete: boolean }): Promise<void> {
    return this.#output.discard({ keepComplete: keepComplete });
  }

  #requireMemberName(name: string): void {
    requirePlainName(name);
    const taken = [this.#descriptorName, this.#manifestName, ...this.#members.map((member) => member.name)];
    if (taken.includes(name)) throw new Hyper2kvmError('internal', `The OVA has a file ${name} already.`);
  }
}
