import { X509Certificate } from 'node:crypto';
import { Hyper2kvmError } from '../../base/errors.ts';
import { pause, withTimeLimit } from '../../base/time-limit.ts';
import { isThumbprint } from '../connection/certificate-trust.ts';
import { faultOfLocalized, isFault, NOT_OFFERED, VsphereFault } from '../soap/fault.ts';
import { readProperties, requireProperty } from '../session/properties.ts';
import { refOf } from '../soap/soap-envelope.ts';
import { pollIntervalMs } from '../session/task.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** One downloadable file of a lease (`HttpNfcLeaseDeviceUrl`). */
export interface LeaseDevice {
  /** `/vm-42/VirtualLsiLogicController0:0`: identifies the device in CreateDescriptor and the manifest. */
  key: string;
  url: URL;
  /**
   * The host certificate's thumbprint as reported by vCenter: SHA-1 or SHA-256 in hex; '' when vCenter reports none
   * that can be compared.
   */
  sslThumbprint: string;
  isDisk: boolean;
  /** The NVRAM file with the VM's UEFI or BIOS settings. Offered by ESXi 6.7 and later. */
  isNvram: boolean;
  /** 0 when unknown. Servers never report it for disks, and often not for other files. */
  fileSizeBytes: number;
}

/** What the server reports to have sent for a device (`HttpNfcLeaseManifestEntry`). */
export interface LeaseManifestEntry {
  key: string;
  sha1: string;
  checksum: string;
  checksumType: string;
  sizeBytes: number;
  capacityBytes: number | undefined;
  populatedBytes: number | undefined;
}

/**
 * The export lease of a VM, which allows the download of its disks. The caller that opened it must end it: with
 * `complete` on success, otherwise with `abort`. While the lease is open, the VM cannot be powered on, migrated or
 * deleted.
 */
export class HttpNfcLease {
  readonly ref: MoRef;
  readonly #client: VsphereClient;
  #info: { timeoutSeconds: number; devices: readonly LeaseDevice[] } | undefined;

  private constructor(client: VsphereClient, ref: MoRef) {
    this.#client = client;
    this.ref = ref;
  }

  /** Opens a lease on a powered-off VM or on a snapshot. Call {@link ready} before using it. */
  static async open(client: VsphereClient, source: MoRef, signal: AbortSignal): Promise<HttpNfcLease> {
    const method = source.type === 'VirtualMachineSnapshot' ? 'ExportSnapshot' : 'ExportVm';
    const ref = refOf((await client.call(method, { _this: source }, signal)).find('returnval'));
    if (!ref) throw new Hyper2kvmError('transfer', `${client.server} answered ${method} without a lease.`);
    return new HttpNfcLease(client, ref);
  }

  /**
   * Waits until the files can be downloaded.
   * @throws VsphereFault with the error of the lease; retryable when the lease no longer exists.
   */
  async ready(signal: AbortSignal): Promise<void> {
    const info = await withTimeLimit(READY_LIMIT_MS, 'Opening the export lease', signal, (limited) =>
      waitUntilReady(this.#client, this.ref, limited),
    ).catch((error: unknown) => {
      throw isFault(error, 'ManagedObjectNotFound') ? leaseGone(error) : error;
    });
    this.#info = {
      timeoutSeconds: info.numberOf('leaseTimeout') ?? 300,
      devices: info.all('deviceUrl').flatMap((device) => decodeDevice(device, this.#client.settings.url)),
    };
  }

  /** The server ends the lease after this many seconds without a renewal. Valid only after {@link ready}. */
  get timeoutSeconds(): number {
    return this.#ready.timeoutSeconds;
  }

  /** The files that can be downloaded. Valid only after {@link ready}. */
  get devices(): readonly LeaseDevice[] {
    return this.#ready.devices;
  }

  get #ready(): { timeoutSeconds: number; devices: readonly LeaseDevice[] } {
    if (!this.#info) throw new Error('ready() comes first');
    return this.#info;
  }

  /**
   * Renews the lease and, with it, the session. `percent` may stay the same.
   * @returns undefined, or, when the lease has ended, the error for the work under it.
   * @throws transient errors: the caller may try the renewal again.
   */
  async renew(percent: number, signal: AbortSignal): Promise<Hyper2kvmError | undefined> {
    try {
      await this.#client.call('HttpNfcLeaseProgress', { _this: this.ref, percent }, signal);
      return undefined;
    } catch (error) {
      if (isFault(error, ...LEASE_GONE)) return leaseGone(error);
      if (error instanceof VsphereFault && !error.retryable) return leaseGone(error);
      throw error;
    }
  }

  /** True while the lease allows downloads. */
  async isAlive(signal: AbortSignal): Promise<boolean> {
    try {
      const { properties } = await readProperties(this.#client, this.ref, ['state'], signal);
      return properties.get('state')?.text === 'ready';
    } catch (error) {
      if (isFault(error, 'ManagedObjectNotFound')) return false;
      throw error;
    }
  }

  /**
   * Requests SHA-256 hashes in the manifest (vSphere 6.7 and later). Returns false when the server refuses, which
   * servers report with many different faults. The manifest then contains SHA-1.
   */
  async askForSha256(signal: AbortSignal): Promise<boolean> {
    const deviceUrlsToChecksumTypes = this.devices.map(({ key }) => ({ key, value: 'sha256' }));
    try {
      const args = { _this: this.ref, deviceUrlsToChecksumTypes };
      await this.#client.call('HttpNfcLeaseSetManifestChecksumType', args, signal);
      return true;
    } catch (error) {
      if (error instanceof VsphereFault) return false;
      throw error;
    }
  }

  /** What the server reports to have sent; empty when the server does not support the call. */
  async manifest(signal: AbortSignal): Promise<LeaseManifestEntry[]> {
    try {
      const response = await this.#client.call('HttpNfcLeaseGetManifest', { _this: this.ref }, signal);
      return response.all('returnval').map(decodeManifestEntry);
    } catch (error) {
      if (isFault(error, ...NOT_OFFERED)) return [];
      throw isFault(error, 'ManagedObjectNotFound') ? leaseGone(error) : error;
    }
  }

  /** Ends the lease with success. A lease that no longer exists counts as ended. */
  async complete(signal: AbortSignal): Promise<void> {
    try {
      await this.#client.call('HttpNfcLeaseComplete', { _this: this.ref }, signal);
    } catch (error) {
      if (!isFault(error, 'ManagedObjectNotFound')) throw error;
    }
  }

  /** Ends the lease without success. A lease that has already ended needs no abort; servers report this with several faults. */
  async abort(signal: AbortSignal): Promise<void> {
    try {
      await this.#client.call('HttpNfcLeaseAbort', { _this: this.ref }, signal);
    } catch (error) {
      if (!isFault(error, ...LEASE_GONE)) throw error;
    }
  }
}

/** The faults that report an ended lease: it timed out, its task was cancelled, or its session ended. */
const LEASE_GONE = ['Timedout', 'InvalidState', 'ManagedObjectNotFound'] as const;

/** The error for work under a lease that has ended. Retryable, because a new lease can help. */
function leaseGone(cause: VsphereFault): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `The server ended the export lease: ${cause.message}`, {
    cause,
    retryable: true,
    hint: 'Another user may have cancelled the export task.',
  });
}

/** A host that prepares many disks can take minutes. */
const READY_LIMIT_MS = 10 * 60_000;

async function waitUntilReady(client: VsphereClient, lease: MoRef, signal: AbortSignal): Promise<XmlElement> {
  for (let look = 0; ; look += 1) {
    const content = await readProperties(client, lease, ['state', 'info', 'error'], signal);
    const state = requireProperty(content, 'state', 'Opening the export lease').text;
    const { properties } = content;
    const info = properties.get('info');
    if (state === 'ready' && info) return info;
    const error = properties.get('error');
    if (state === 'error' && error) throw faultOfLocalized(error, 'Opening the export lease');
    if (state === 'error' || state === 'done') {
      throw new Hyper2kvmError('transfer', `The export lease went to state ${state} before it was ready.`, {
        retryable: true,
      });
    }
    await pause(pollIntervalMs(look), signal);
  }
}

/**
 * Decodes one entry; an entry without a URL cannot be downloaded. Ignores `targetId`, which servers fill only for
 * multi-part POSTs. A host of `*` stands for the host and port of the connection.
 */
function decodeDevice(device: XmlElement, server: URL): LeaseDevice[] {
  const text = device.textOf('url')?.trim();
  if (!text) return [];
  const key = device.textOf('key') ?? '';
  const url = URL.parse(
    text.replace(/^(https?:\/\/)\*(:\d+)?(?=\/)/, (_, scheme: string) => `${scheme}${server.host}`),
  );
  if (!url) throw new Hyper2kvmError('transfer', `The lease offers ${key} at an address that is not a URL.`);
  const isDisk = device.isTrue('disk');
  return [
    {
      key,
      url,
      sslThumbprint: thumbprintOf(device),
      isDisk,
      isNvram: !isDisk && (/(^|\/)nvram$/i.test(key) || /\.nvram$/i.test(url.pathname)),
      fileSizeBytes: device.numberOf('fileSize') ?? 0,
    },
  ];
}

/**
 * Prefers the certificate (vSphere 9.0 and later) to its thumbprint. Ignores a thumbprint in an unknown format; the
 * certificate authorities then decide.
 */
function thumbprintOf(device: XmlElement): string {
  const pem = device.textOf('sslCertificate')?.trim() ?? '';
  try {
    if (pem !== '') return new X509Certificate(pem).fingerprint256;
  } catch {
    // Not a certificate: use the thumbprint.
  }
  const thumbprint = device.textOf('sslThumbprint')?.trim() ?? '';
  return isThumbprint(thumbprint) ? thumbprint : '';
}

function decodeManifestEntry(entry: XmlElement): LeaseManifestEntry {
  return {
    key: entry.textOf('key') ?? '',
    sha1: (entry.textOf('sha1') ?? '').trim().toLowerCase(),
    checksum: (entry.textOf('checksum') ?? '').trim().toLowerCase(),
    checksumType: (entry.textOf('checksumType') ?? '').trim().toLowerCase(),
    sizeBytes: entry.numberOf('size') ?? 0,
    capacityBytes: entry.numberOf('capacity'),
    populatedBytes: entry.numberOf('populatedSize'),
  };
}
