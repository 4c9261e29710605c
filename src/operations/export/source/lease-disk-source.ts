import { Hyper2kvmError } from '../../../base/errors.ts';
import { pause } from '../../../base/time-limit.ts';
import { isFault, NOT_OFFERED, VsphereFault } from '../../../vsphere/soap/fault.ts';
import { downloadDevice } from '../../../vsphere/lease/disk-download.ts';
import { HttpNfcLease, type LeaseDevice } from '../../../vsphere/lease/nfc-lease.ts';
import { pollIntervalMs } from '../../../vsphere/session/task.ts';
import { NotConnectedError } from '../../../vsphere/connection/connection-failure.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { CleanUp } from '../../clean-up.ts';
import type {
  ContentProof,
  DiskSource,
  OpenedFile,
  ReadLimits,
  SourceFile,
  SourceFiles,
  SourceRequest,
} from './disk-source.ts';
import { leaseFiles, manifestEntryOf } from './lease-files.ts';
import { LeaseKeepAlive } from './lease-keep-alive.ts';
import type { ManifestEntry } from './manifest.ts';

const ABORT_LIMIT_MS = 60_000;

/** Servers end a lease after 300 s without a renewal; this adds a margin of 30 s. */
const LOCKED_LIMIT_MS = 330_000;

/**
 * Reads disks through the export lease (`HttpNfcLease`): each disk once, as a streamOptimized VMDK from byte 0. Opens
 * one lease at a time and keeps it alive during use. Completes it on success, and aborts it in every other case. On
 * disposal, it reports a lease that the server may have opened although the response was lost: its reference is
 * unknown.
 */
export class LeaseDiskSource implements DiskSource {
  readonly #options: SourceRequest;
  #unanswered = false;
  #hasBegun = false;

  constructor(options: SourceRequest) {
    this.#options = options;
  }

  /** Runs `work` under a new lease, and completes the lease when `work` returns. */
  async use<Result>(
    percent: () => number,
    signal: AbortSignal,
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { client, vm, disks, leftOut = [], leave, verify, step } = this.#options;
    if (!this.#hasBegun) step('lease', 'Opening the export lease');
    this.#hasBegun = true;
    await using cleanUp = new CleanUp(leave);
    const lease = await this.#openPatiently(signal).catch((error: unknown) => {
      throw this.#withRemedy(error);
    });
    const over = cleanUp.defer({
      remains: `The export lease on ${vm} is still open on ${client.server}; it locks the VM until it times out.`,
      limitMs: ABORT_LIMIT_MS,
      run: (limit) => lease.abort(limit),
    });
    await lease.ready(signal).catch((error: unknown) => {
      throw this.#withRemedy(error);
    });
    await using keepAlive = new LeaseKeepAlive(lease, percent);
    const shared = AbortSignal.any([signal, keepAlive.lost]);
    const open = new OpenLease({ client, disks, leftOut, lease, givesSha256: await lease.askForSha256(shared) });
    await verify(open, shared);
    const result = await work(open, shared);
    if (await open.isAlive(signal)) await lease.complete(signal);
    over();
    return result;
  }

  [Symbol.dispose](): void {
    const { client, vm, leave } = this.#options;
    if (!this.#unanswered) return;
    leave(
      `An export lease on ${vm} may be open on ${client.server}, but the response was lost; it locks the VM until it times out.`,
    );
  }

  /** A lease is on all disks of the VM, so that one that was not selected can be why a server refuses it. */
  #withRemedy(error: unknown): unknown {
    const { leftOut = [] } = this.#options;
    if (leftOut.length === 0 || !(error instanceof VsphereFault) || error.kind !== 'transfer') return error;
    const hint = `The lease covers all disks of the VM, and ${leftOut.map(({ label }) => label).join(', ')} may be why the server refuses it. --transport nfc opens only the selected disks.`;
    return new Hyper2kvmError(error.kind, error.message, { hint, retryable: error.retryable, cause: error });
  }

  /** Opens a lease. While an earlier lease of this program locks the VM and cannot be ended, waits for it to time out. */
  async #openPatiently(signal: AbortSignal): Promise<HttpNfcLease> {
    const endsAt = Date.now() + LOCKED_LIMIT_MS;
    for (let look = 0; ; look += 1) {
      try {
        return await this.#open();
      } catch (error) {
        const mayBeOurs = this.#options.hasEarlierRun || this.#unanswered;
        if (!mayBeOurs || !isFault(error, 'InvalidState', 'TaskInProgress') || Date.now() > endsAt) throw error;
        if (look === 0)
          this.#options.step('lease', 'Waiting for an earlier export lease to time out, some minutes at most');
        await pause(pollIntervalMs(look), signal);
      }
    }
  }

  /** Ignores the program's signal: an abort after the server opened the lease, but before its reference arrived, would leave it open. */
  async #open(): Promise<HttpNfcLease> {
    try {
      const lease = await HttpNfcLease.open(this.#options.client, this.#options.ref, new AbortController().signal);
      // Two leases cannot be open at once.
      this.#unanswered = false;
      return lease;
    } catch (error) {
      this.#unanswered ||= !(error instanceof VsphereFault) && !(error instanceof NotConnectedError);
      throw error;
    }
  }
}

/** A lease that is ready, valid during {@link LeaseDiskSource.use}. */
class OpenLease implements SourceFiles {
  readonly #client: VsphereClient;
  readonly #disks: readonly VirtualDisk[];
  readonly #leftOut: readonly VirtualDisk[];
  readonly #lease: HttpNfcLease;
  readonly proof: ContentProof;
  readonly access = 'stream';

  /** `givesSha256` is false for a server before 6.7, whose manifest contains SHA-1. */
  constructor({
    client,
    disks,
    leftOut,
    lease,
    givesSha256,
  }: {
    client: VsphereClient;
    disks: readonly VirtualDisk[];
    leftOut: readonly VirtualDisk[];
    lease: HttpNfcLease;
    givesSha256: boolean;
  }) {
    this.#client = client;
    this.#disks = disks;
    this.#leftOut = leftOut;
    this.#lease = lease;
    this.proof = givesSha256 ? 'manifest' : 'nothing';
  }

  get server(): string {
    return this.#client.server;
  }

  get files(): SourceFile[] {
    return leaseFiles(this.#lease.devices, this.#disks, this.#leftOut);
  }

  open(key: string, limits: ReadLimits, signal: AbortSignal): Promise<OpenedFile> {
    const device = this.#deviceOf(key);
    const chunks = downloadDevice(this.#client, device, limits, signal);
    return Promise.resolve({ access: 'stream', sizeBytes: device.fileSizeBytes, chunks });
  }

  isAlive(signal: AbortSignal): Promise<boolean> {
    return this.#lease.isAlive(signal);
  }

  async manifest(signal: AbortSignal): Promise<ManifestEntry[]> {
    return (await this.#lease.manifest(signal)).map(manifestEntryOf);
  }

  /** Not every server returns the manifest while other files are still being read. */
  async manifestSoFar(signal: AbortSignal): Promise<ManifestEntry[]> {
    try {
      return await this.manifest(signal);
    } catch (error) {
      if (isFault(error, 'InvalidState', ...NOT_OFFERED)) return [];
      throw error;
    }
  }

  #deviceOf(key: string): LeaseDevice {
    const device = this.#lease.devices.find((candidate) => candidate.key === key);
    if (device) return device;
    throw new Hyper2kvmError('transfer', `The new lease no longer offers ${key}.`, {
      hint: 'The hardware of the VM was changed during the export; run it again.',
    });
  }
}
