import { randomUUID } from 'node:crypto';
import { faultOf, VimFault } from './fault.ts';
import { diskFile, plainFile, type BodyDigest, type LeaseFile } from './lease-file.ts';
import { ManagedObject } from './managed-object.ts';
import type { LeaseOutcome } from './server-state.ts';
import type { Service } from './service.ts';
import { arrayOf, data, enumOf, MoRef, type DataObject, type Fields } from './value.ts';
import type { VirtualMachine } from './virtual-machine.ts';
import { cdDriveUnit } from './vm-hardware.ts';
import type { VmSnapshot } from './vm-snapshot.ts';

type NvramEntry = Service['options']['nvramEntry'];
type LeaseState = 'initializing' | 'ready' | 'done' | 'error';

/**
 * An export lease. It locks the VM from the start, becomes ready after a delay, and expires unless progress calls arrive in time.
 * As on a real server, downloads do not extend it.
 */
export class HttpNfcLease extends ManagedObject {
  readonly vm: VirtualMachine;
  readonly snapshot: VmSnapshot | undefined;
  readonly files: readonly LeaseFile[];
  /** The random part of the lease's URLs. */
  readonly ticket = randomUUID();
  /** Digests of the files that were sent completely, by device key. */
  readonly sent = new Map<string, BodyDigest>();
  /** The hash algorithm that a client requested, by device key. */
  readonly checksumTypes = new Map<string, string>();
  outcome: LeaseOutcome = 'open';
  progressCalls = 0;
  #state: LeaseState = 'initializing';
  #error: VimFault | undefined;
  #transferProgress = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #service: Service;
  readonly #ended = new AbortController();
  readonly #targetIds: ReadonlyMap<string, string>;
  readonly #thumbprint: string;
  /** False when the lease reports a thumbprint that does not match the host's certificate. */
  readonly #isVouchedFor: boolean;

  constructor(service: Service, vm: VirtualMachine, snapshot: VmSnapshot | undefined) {
    super(new MoRef('HttpNfcLease', `session[${randomUUID()}]${randomUUID()}`));
    this.#service = service;
    this.vm = vm;
    this.snapshot = snapshot;
    this.files = leaseFiles(vm, snapshot, service.options.nvramEntry);
    const fault = service.faults.take('lease', [vm.displayName]);
    this.#targetIds = new Map(fault?.action === 'target-id' ? [[fault.disk, fault.targetId]] : []);
    const { thumbprint } = service.diskEndpoint;
    this.#isVouchedFor = fault?.action !== 'wrong-thumbprint';
    this.#thumbprint = fault?.action === 'wrong-thumbprint' ? thumbprint.replace(/[0-9A-F]/g, otherDigit) : thumbprint;
    vm.setOpenLease(this.ref);
    this.#timer = setTimeout(() => {
      if (fault?.action === 'initialize-error') {
        const cause = fault.cause === undefined ? undefined : new VimFault(fault.cause.type, fault.cause.message);
        const message = fault.message ?? faultOf(fault.fault).message;
        this.#end('failed', 'error', new VimFault(fault.fault, message, {}, cause));
      } else if (service.nfc?.holdsFilesOf(vm) === true) {
        // A host does not open a file twice.
        this.#end('failed', 'error', faultOf('FileLocked'));
      } else {
        this.#state = 'ready';
        this.#renew();
      }
      service.objects.changed();
    }, service.options.leaseInitializeMs).unref();
  }

  /** Aborts when the lease's URLs become invalid. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  fileAt(path: string): LeaseFile | undefined {
    return this.files.find((file) => this.#pathOf(file) === path);
  }

  targetIdOf(file: LeaseFile): string | undefined {
    return this.#targetIds.get(file.name) ?? file.targetId;
  }

  properties(): Fields {
    return this.propertiesAt('');
  }

  /** Returns the properties for a client of this API version. `sslCertificate` was added in 9.0. */
  propertiesAt(version: string): Fields {
    const withCertificate = Number.parseInt(version, 10) >= 9 && this.#service.options.sslCertificate;
    return {
      initializeProgress: this.#state === 'initializing' ? 50 : 100,
      transferProgress: this.#transferProgress,
      mode: 'pushOrGet',
      capabilities: data('HttpNfcLeaseCapabilities', { pullModeSupported: true, corsSupported: true }),
      info: this.#state === 'ready' ? this.#info(withCertificate) : undefined,
      state: enumOf('HttpNfcLeaseState', this.#state),
      error: this.#error?.toLocalized(),
    };
  }

  progress(percent: number): void {
    this.assertOpen();
    this.progressCalls += 1;
    this.#transferProgress = percent;
    this.#renew();
    this.#service.objects.changed();
  }

  complete(): void {
    if (this.#state !== 'ready') this.assertOpen('ready');
    this.#end('completed', 'done');
  }

  abort(): void {
    this.assertOpen();
    this.#end('aborted', 'done');
  }

  /** Ends the lease as if no progress call had arrived in time. */
  expire(): void {
    this.#end('timed-out', 'error', faultOf('Timedout'));
  }

  /** Ends the lease together with its session, and removes it. */
  endWithSession(): void {
    this.#end('session-ended', 'error', faultOf('InvalidState'));
    this.#service.objects.remove(this.ref);
  }

  assertOpen(state?: LeaseState): void {
    if (this.outcome === 'timed-out') throw faultOf('Timedout');
    if (this.outcome !== 'open' || (state !== undefined && this.#state !== state)) throw faultOf('InvalidState');
  }

  /** Stops the lease's timer when the server closes. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#ended.abort();
  }

  #renew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.expire(), this.#service.options.leaseTimeoutSeconds * 1000).unref();
  }

  #end(outcome: LeaseOutcome, state: LeaseState, error?: VimFault): void {
    if (this.outcome !== 'open') return;
    clearTimeout(this.#timer);
    this.outcome = outcome;
    this.#state = state;
    this.#error = error;
    this.vm.setOpenLease(undefined);
    this.#ended.abort();
  }

  #info(withCertificate: boolean): DataObject {
    const capacityBytes = this.files.reduce((sum, file) => sum + (file.disk?.capacityBytes ?? 0), 0);
    return data('HttpNfcLeaseInfo', {
      lease: this.ref,
      entity: this.snapshot?.ref ?? this.vm.ref,
      deviceUrl: arrayOf(
        'HttpNfcLeaseDeviceUrl',
        this.files.map((file) => this.#deviceUrl(file, withCertificate)),
      ),
      totalDiskCapacityInKB: BigInt(Math.ceil(capacityBytes / 1024)),
      leaseTimeout: this.#service.options.leaseTimeoutSeconds,
    });
  }

  #deviceUrl(file: LeaseFile, withCertificate: boolean): DataObject {
    const { origin, certificatePem } = this.#service.diskEndpoint;
    return data('HttpNfcLeaseDeviceUrl', {
      key: file.key,
      importKey: '',
      url: `${origin}${this.#pathOf(file)}`,
      sslThumbprint: this.#thumbprint,
      sslCertificate: withCertificate && this.#isVouchedFor ? certificatePem : undefined,
      disk: file.disk !== undefined,
      targetId: this.targetIdOf(file),
      datastoreKey: `${origin}${this.#folder}`,
      fileSize: file.fileSize === undefined ? undefined : BigInt(file.fileSize),
    });
  }

  #pathOf(file: LeaseFile): string {
    return `${this.#folder}${encodeURIComponent(file.urlName ?? file.name)}`;
  }

  get #folder(): string {
    return `${this.#service.nfcPath}${this.ticket}/`;
  }
}

/**
 * Lists the files of a lease. A snapshot does not include independent disks. An ISO image precedes the disks and
 * takes a number in `disk-N`, too.
 */
function leaseFiles(vm: VirtualMachine, snapshot: VmSnapshot | undefined, nvramEntry: NvramEntry): LeaseFile[] {
  const { order, targetIds, mapped } = vm.options.lease ?? {};
  const files: LeaseFile[] = [];
  const shown = (key: string, name: string) => ({ key, name, targetId: targetIds === false ? undefined : name });
  if (vm.iso !== undefined) {
    const key = `/${vm.ref.value}/VirtualIDEController0:${cdDriveUnit(vm.disks)}`;
    files.push(plainFile(shown(key, 'disk-0.iso'), Buffer.alloc(64 * 2048)));
  }
  const states =
    snapshot?.disks.filter(({ disk }) => disk.options.mode?.startsWith('independent') !== true) ?? vm.storage.states();
  const disks = states.filter(({ disk }) => mapped !== 'left-out' || disk.options.rawDeviceMapping === undefined);
  for (const { disk, layer } of order === 'reversed' ? disks.toReversed() : disks) {
    const name = disk.options.targetId ?? `disk-${files.length}.vmdk`;
    files.push(diskFile(shown(vm.deviceKeyOf(disk), name), disk, layer.frozenCopy()));
  }
  if (vm.options.nvram !== undefined) {
    const key = `/${vm.ref.value}/nvram`;
    const real = { key, name: 'nvram', targetId: undefined, urlName: `${vm.displayName}.nvram` };
    files.push(plainFile(nvramEntry === 'real' ? real : shown(key, 'nvram'), vm.options.nvram));
  }
  return files;
}

function otherDigit(digit: string): string {
  return digit === '0' ? '1' : '0';
}
