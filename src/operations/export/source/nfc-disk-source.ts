import { Hyper2kvmError } from '../../../base/errors.ts';
import type { DiskRange, ReadableDisk } from '../../../image/model/readable-disk.ts';
import type { NfcDisk } from '../../../vsphere/nfc/nfc-disk.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import { pause } from '../../../base/time-limit.ts';
import { NfcUnavailableError } from '../../../vsphere/nfc/nfc-error.ts';
import { compareWithLease } from './compare-with-lease.ts';
import { findAllocatedAreas } from './allocated-areas.ts';
import type {
  ContentProof,
  DiskSource,
  OpenedDisk,
  ReadLimits,
  SourceFile,
  SourceFiles,
  RandomAccessRequest,
} from './disk-source.ts';
import type { ManifestEntry } from './manifest.ts';
import { SessionKeepAlive } from './session-keep-alive.ts';

/**
 * Reads disks at any place over NFC, directly from the host. Only allocated areas are transferred. Each open disk has a
 * connection of its own; nothing else is held on the server.
 */
export class NfcDiskSource implements DiskSource {
  readonly #request: RandomAccessRequest;
  #hasBegun = false;
  #hasCompared = false;

  constructor(request: RandomAccessRequest) {
    this.#request = request;
  }

  /**
   * Runs `work` after the first disk has been opened, which shows that this transport works here.
   * @throws NfcUnavailableError; the errors of `work`.
   */
  async use<Result>(
    _percent: () => number,
    signal: AbortSignal,
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { client, step, verify, nfc } = this.#request;
    if (nfc.over !== undefined) throw nfc.over;
    if (!this.#hasBegun) step('lease', 'Opening the disks for random-access reads (NFC)');
    this.#hasBegun = true;
    await using held = new AsyncDisposableStack();
    held.use(new SessionKeepAlive(client));
    const files = held.use(new NfcFiles(this.#request));
    await files.openFirst(signal);
    await this.#compare(files, signal);
    await verify(files, signal);
    return await work(files, signal);
  }

  [Symbol.dispose](): void {}

  async #compare(files: NfcFiles, signal: AbortSignal): Promise<void> {
    const { nfc, comparisons, disks } = this.#request;
    const compare = (): Promise<boolean> => files.compareFirst(signal);
    if (comparisons === undefined) return await nfc.compareOnce(compare);
    const [first] = disks;
    if (first === undefined || this.#hasCompared || comparisons.isDone(first)) return;
    const isEqual = await nfc.compare(compare);
    this.#hasCompared = true;
    if (isEqual) await comparisons.record(first);
  }
}

/** This source applies no limits of its own to reads. */
const NO_LIMITS: ReadLimits = { firstByteTimeoutMs: 0, stallTimeoutMs: 0 };
/** A host keeps the files of a lease locked for a moment after its end. */
const MOST_REOPENINGS = 4;

/** The disks of a VM during {@link NfcDiskSource.use}. */
class NfcFiles implements SourceFiles, AsyncDisposable {
  readonly proof: ContentProof = 'nothing';
  readonly access = 'random-access';
  readonly #request: RandomAccessRequest;
  readonly #disks: ReadonlyMap<string, VirtualDisk>;
  /** The disk that was opened before the work began, until it is asked for. */
  #first: { key: string; file: NfcDisk } | undefined;

  constructor(request: RandomAccessRequest) {
    this.#request = request;
    this.#disks = new Map(request.disks.map((disk) => [keyOf(request, disk), disk]));
  }

  get server(): string {
    return this.#first?.file.host ?? this.#request.client.server;
  }

  /** NFC offers no NVRAM. */
  get files(): SourceFile[] {
    return [...this.#disks].map(([key, { capacityBytes }]) => ({ key, kind: 'disk', capacityBytes }));
  }

  async openFirst(signal: AbortSignal): Promise<void> {
    const [first] = this.#disks;
    if (!first) return;
    const [key, disk] = first;
    this.#first = { key, file: await this.#open(disk, signal) };
  }

  /** Compares the first disk with the export lease, and opens it again. False if no lease can be had. */
  async compareFirst(signal: AbortSignal): Promise<boolean> {
    const first = this.#first;
    if (!first) return false;
    const open = (): Promise<OpenedDisk> => this.open(first.key, NO_LIMITS, signal);
    const isEqual = await compareWithLease(this.#request, open, first.file.host, signal);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.openFirst(signal);
        return isEqual;
      } catch (error) {
        if (!(error instanceof NfcUnavailableError) || attempt === MOST_REOPENINGS) throw error;
      }
      await pause(attempt * 1000, signal);
    }
  }

  async open(key: string, _limits: ReadLimits, signal: AbortSignal): Promise<OpenedDisk> {
    const disk = this.#disks.get(key);
    if (!disk) throw new Hyper2kvmError('transfer', `The VM has no disk ${key} to read over NFC.`);
    signal.throwIfAborted();
    const first = this.#first?.key === key ? this.#first.file : undefined;
    if (first) this.#first = undefined;
    const file = first ?? (await this.#open(disk, signal));
    return {
      access: 'random-access',
      disk: this.#readable(disk, file),
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  }

  isAlive(): Promise<boolean> {
    return Promise.resolve(true);
  }

  manifestSoFar(): Promise<ManifestEntry[]> {
    return Promise.resolve([]);
  }

  manifest(): Promise<ManifestEntry[]> {
    return Promise.resolve([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#first?.file[Symbol.asyncDispose]();
    this.#first = undefined;
  }

  #open({ fileName }: VirtualDisk, signal: AbortSignal): Promise<NfcDisk> {
    const { nfc, vmRef } = this.#request;
    return nfc.access.openDisk(vmRef, fileName, signal);
  }

  #readable(disk: VirtualDisk, file: NfcDisk): ReadableDisk {
    const { client, vmRef: vm, ref } = this.#request;
    const snapshot = ref.type === 'VirtualMachineSnapshot' ? ref : undefined;
    const allocated = async function* (signal: AbortSignal): AsyncGenerator<DiskRange, void, undefined> {
      yield* await findAllocatedAreas({ client, vm, snapshot, disk, file }, signal);
    };
    return {
      capacityBytes: file.capacityBytes,
      allocated,
      read: (offsetBytes, target, signal) => file.read(offsetBytes, target, signal),
    };
  }
}

/** The key by which vCenter and ESXi name a disk in leases and descriptors. */
function keyOf({ vmRef }: RandomAccessRequest, { key, place, address }: VirtualDisk): string {
  return `/${vmRef.value}/${place === undefined ? `disk:${key}` : address}`;
}
