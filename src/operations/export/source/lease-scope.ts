import { Hyper2kvmError } from '../../../base/errors.ts';
import { pause } from '../../../base/time-limit.ts';
import { isFault, NOT_OFFERED, VsphereFault } from '../../../vsphere/soap/fault.ts';
import { HttpNfcLease, type LeaseDevice, type LeaseManifestEntry } from '../../../vsphere/lease/nfc-lease.ts';
import { pollIntervalMs } from '../../../vsphere/session/task.ts';
import { NotConnectedError } from '../../../vsphere/connection/connection-failure.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { MoRef } from '../../../vsphere/soap/wsdl-types.ts';
import { CleanUp } from '../../clean-up.ts';
import { LeaseKeepAlive } from './lease-keep-alive.ts';
import type { ExportStep } from '../../events.ts';

const ABORT_LIMIT_MS = 60_000;

export interface LeaseScopeOptions {
  client: VsphereClient;
  vm: string;
  /** The VM or snapshot that leases are opened on. */
  source: MoRef;
  leave: (sentence: string) => void;
  /** Runs in every lease once it is ready, before any download: what must hold of the VM under this lock. */
  verify: (lease: OpenLease, signal: AbortSignal) => Promise<void>;
  /** An earlier run did not come to its end: when it was killed, its lease may still be open, and locks the VM until it times out. */
  hasEarlierRun: boolean;
  /** Takes what is being waited for. */
  step: (step: ExportStep, detail: string) => void;
}

/** Servers time a lease out after 300 s without a sign of life. */
const LOCKED_LIMIT_MS = 330_000;

/**
 * Opens leases one at a time, keeps each alive while it is used, and ends it: completed on success, aborted on every other way out. When it is disposed it
 * tells of a lease that the server may have opened although its answer was lost: nobody knows its name.
 */
export class LeaseScope implements Disposable {
  readonly #options: LeaseScopeOptions;
  #unanswered = false;

  constructor(options: LeaseScopeOptions) {
    this.#options = options;
  }

  /**
   * Runs `work` under a new lease. The signal that `work` gets also aborts, with a retryable error, when the server ends the lease.
   * When `work` returns, the lease is completed.
   */
  async use<Result>(
    percent: () => number,
    signal: AbortSignal,
    work: (lease: OpenLease, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { client, vm, leave, verify } = this.#options;
    await using cleanUp = new CleanUp(leave);
    const lease = await this.#openPatiently(signal);
    const over = cleanUp.defer({
      remains: `The export lease on ${vm} is still open on ${client.server}; it locks the VM until it times out.`,
      limitMs: ABORT_LIMIT_MS,
      run: (limit) => lease.abort(limit),
    });
    await lease.ready(signal);
    await using keepAlive = new LeaseKeepAlive(lease, percent);
    const shared = AbortSignal.any([signal, keepAlive.lost]);
    const open = new OpenLease(lease, await lease.askForSha256(shared));
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
      `An export lease on ${vm} may be open on ${client.server}, whose answer was lost; it locks the VM until it times out.`,
    );
  }

  /** Waits for the end of a lease of ours that nobody can end any more. */
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

  /** Not under the program's signal: an abort between the lease's opening and its name would leave it open. */
  async #open(): Promise<HttpNfcLease> {
    try {
      const lease = await HttpNfcLease.open(this.#options.client, this.#options.source, new AbortController().signal);
      // Two cannot be open at once.
      this.#unanswered = false;
      return lease;
    } catch (error) {
      this.#unanswered ||= !(error instanceof VsphereFault) && !(error instanceof NotConnectedError);
      throw error;
    }
  }
}

/** A lease that is ready, for the time of {@link LeaseScope.use}. */
export class OpenLease {
  readonly #lease: HttpNfcLease;
  /** False for a server before 6.7, which gives SHA-1 in its manifest. */
  readonly givesSha256: boolean;

  constructor(lease: HttpNfcLease, givesSha256: boolean) {
    this.#lease = lease;
    this.givesSha256 = givesSha256;
  }

  get devices(): readonly LeaseDevice[] {
    return this.#lease.devices;
  }

  deviceOf(key: string): LeaseDevice {
    const device = this.#lease.devices.find((candidate) => candidate.key === key);
    if (device) return device;
    throw new Hyper2kvmError('transfer', `The new lease does not offer ${key} any more.`, {
      hint: 'The hardware of the VM was changed during the export; run it again.',
    });
  }

  isAlive(signal: AbortSignal): Promise<boolean> {
    return this.#lease.isAlive(signal);
  }

  manifest(signal: AbortSignal): Promise<LeaseManifestEntry[]> {
    return this.#lease.manifest(signal);
  }

  /** The manifest while other files are still under way, which not every server gives. */
  async manifestSoFar(signal: AbortSignal): Promise<LeaseManifestEntry[]> {
    try {
      return await this.#lease.manifest(signal);
    } catch (error) {
      if (isFault(error, 'InvalidState', ...NOT_OFFERED)) return [];
      throw error;
    }
  }
}
