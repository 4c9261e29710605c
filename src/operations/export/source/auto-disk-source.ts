import { Hyper2kvmError, sentenceOf } from '../../../base/errors.ts';
import { NfcHostError, NfcUnavailableError } from '../../../vsphere/nfc/nfc-error.ts';
import type { DiskSource, SourceFile, SourceFiles, RandomAccessRequest } from './disk-source.ts';
import { LeaseDiskSource } from './lease-disk-source.ts';
import { NfcDiskSource } from './nfc-disk-source.ts';

/**
 * Reads disks over NFC, and through the export lease from the moment on at which NFC turns out not to be available. Files
 * keep their keys, whichever way they are read.
 */
export class AutoDiskSource implements DiskSource {
  readonly #request: RandomAccessRequest;
  readonly #nfc: NfcDiskSource;
  #lease: LeaseDiskSource | undefined;
  /** The keys of the disks in their order, once they have been used. */
  #keys: readonly string[] | undefined;

  constructor(request: RandomAccessRequest) {
    this.#request = request;
    this.#nfc = new NfcDiskSource(request);
  }

  async use<Result>(
    percent: () => number,
    signal: AbortSignal,
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const lease = this.#lease;
    if (lease) return await this.#useLease(lease, percent, signal, work);
    try {
      return await this.#nfc.use(percent, signal, (files, inner) => {
        this.#keys = files.files.map(({ key }) => key);
        return work(files, inner);
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!endsNfc(error)) throw error;
      this.#request.warn(`The disks are read through the export lease: ${sentenceOf(error)}`);
    }
    const opened = new LeaseDiskSource(this.#request);
    this.#lease = opened;
    return await this.#useLease(opened, percent, signal, work);
  }

  [Symbol.dispose](): void {
    this.#nfc[Symbol.dispose]();
    this.#lease?.[Symbol.dispose]();
  }

  #useLease<Result>(
    lease: LeaseDiskSource,
    percent: () => number,
    signal: AbortSignal,
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return lease.use(percent, signal, (files, inner) => {
      const keys = this.#keys;
      return work(keys ? new RenamedFiles(files, keys) : files, inner);
    });
  }
}

/** True for an error after which the lease can help and NFC cannot. */
function endsNfc(error: unknown): boolean {
  if (error instanceof NfcUnavailableError) return true;
  if (error instanceof NfcHostError) return !error.retryable;
  return error instanceof Hyper2kvmError && error.kind === 'tls-trust';
}

/** The files of a source, with other keys for the disks. */
class RenamedFiles implements SourceFiles {
  readonly #files: SourceFiles;
  readonly #keyOf: ReadonlyMap<string, string>;

  constructor(files: SourceFiles, keys: readonly string[]) {
    this.#files = files;
    const disks = files.files.filter(({ kind }) => kind === 'disk');
    this.#keyOf = new Map(disks.map(({ key }, index) => [key, keys[index] ?? key]));
  }

  get server(): string {
    return this.#files.server;
  }

  get proof(): SourceFiles['proof'] {
    return this.#files.proof;
  }

  get access(): SourceFiles['access'] {
    return this.#files.access;
  }

  get files(): SourceFile[] {
    return this.#files.files.map(this.#renamed);
  }

  open(...[key, limits, signal]: Parameters<SourceFiles['open']>): ReturnType<SourceFiles['open']> {
    const [own = key] = [...this.#keyOf].find(([, given]) => given === key) ?? [];
    return this.#files.open(own, limits, signal);
  }

  isAlive(signal: AbortSignal): Promise<boolean> {
    return this.#files.isAlive(signal);
  }

  async manifestSoFar(signal: AbortSignal): ReturnType<SourceFiles['manifestSoFar']> {
    return (await this.#files.manifestSoFar(signal)).map(this.#renamed);
  }

  async manifest(signal: AbortSignal): ReturnType<SourceFiles['manifest']> {
    return (await this.#files.manifest(signal)).map(this.#renamed);
  }

  readonly #renamed = <Keyed extends { key: string }>(entry: Keyed): Keyed => ({
    ...entry,
    key: this.#keyOf.get(entry.key) ?? entry.key,
  });
}
