import { Hyper2kvmError } from '../../base/errors.ts';
import type { NamingOptions } from '../../base/output/final-names.ts';
import { requirePlainName } from '../../base/output/plain-name.ts';
import { manifestText } from '../files/manifest.ts';
import type { MemberRecord, MemberWriter, PackageContent, PackageFile, PackageWriter } from './package-writer.ts';
import { StreamMember } from './stream-member.ts';
import { TarOutput } from './tar-output.ts';

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
  const { folder, baseName, reservedDescriptorBytes: reservedBytes, force, mode } = options;
  const front = { name: `${baseName}.ovf`, reservedBytes };
  return new OvaPackage(baseName, await TarOutput.open({ folder, name: `${baseName}.ova`, front, force, mode }));
}

/**
 * DSP0243 (OVF), on single-file packages: the descriptor is the tar's first file, the manifest may be the last. The descriptor names the
 * disks' sizes, which are known only when they have come; so its place is kept free at the start and filled at the end.
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

  discard({ keepWhole }: { keepWhole: boolean }): Promise<void> {
    return this.#output.discard({ keepComplete: keepWhole });
  }

  #requireMemberName(name: string): void {
    requirePlainName(name);
    const taken = [this.#descriptorName, this.#manifestName, ...this.#members.map((member) => member.name)];
    if (taken.includes(name)) throw new Hyper2kvmError('internal', `The OVA has a file ${name} already.`);
  }
}
