import type { ExportedFile, ExportEvent, LeftOutDisk, RunTotals } from '../types.ts';

/** The events of an export, or of another operation on VMs with results of its own. */
export type JobEvent =
  | Exclude<ExportEvent, { type: 'vm-finished' | 'vm-skipped' }>
  | { type: 'vm-finished'; vm: string; result: JobResult }
  | { type: 'vm-skipped'; vm: string; result: { output: string; leftBehind?: string[] } };

interface JobResult {
  files: readonly ExportedFile[];
  leftOut?: LeftOutDisk[];
  leftBehind?: string[];
}

interface MeteredDisk {
  capacityBytes: number;
  coveredBytes: number;
  /** In the current attempt. */
  receivedBytes: number;
}

type VmEnd = 'exported' | 'skipped' | 'failed';

interface MeteredVm {
  /** From the inventory, until its disks are known. */
  expectedBytes: number | undefined;
  disks: Map<string, MeteredDisk>;
  /** Received in attempts that were given up. */
  lostBytes: number;
  end: VmEnd | undefined;
}

/** The progress of one VM in bytes. */
export type VmTotals = Pick<RunTotals, 'capacityBytes' | 'coveredBytes' | 'receivedBytes'>;

/** Computes the totals of an export from its events. */
export class RunMeter {
  readonly #vms = new Map<string, MeteredVm>();
  /** VMs that were announced by a count only. */
  #count = 0;
  /** Arguments that match no VM fail without being a VM of the run. */
  #unknown = 0;

  /** Returns true if the event can change the totals. */
  take(event: JobEvent): boolean {
    switch (event.type) {
      case 'run-started':
        for (const { vm, capacityBytes } of event.vms) this.#vmOf(vm).expectedBytes = capacityBytes;
        return true;
      case 'vm-started':
        this.#count = event.count;
        this.#vmOf(event.vm);
        return true;
      case 'vm-finished':
        this.#vmOf(event.vm).end = 'exported';
        return true;
      case 'vm-skipped':
        this.#vmOf(event.vm).end = 'skipped';
        return true;
      case 'vm-failed':
        this.#fail(event.vm);
        return true;
      case 'disks':
        for (const { disk, capacityBytes } of event.disks) {
          this.#vmOf(event.vm).disks.set(disk, { capacityBytes, coveredBytes: 0, receivedBytes: 0 });
        }
        return true;
      case 'disk-started': {
        const vm = this.#vmOf(event.vm);
        vm.lostBytes += vm.disks.get(event.disk)?.receivedBytes ?? 0;
        this.#set(event, { capacityBytes: event.capacityBytes, coveredBytes: 0, receivedBytes: 0 });
        return true;
      }
      case 'disk-progress':
        this.#set(event, { coveredBytes: event.coveredBytes, receivedBytes: event.receivedBytes });
        return true;
      case 'disk-complete':
        this.#set(event, { coveredBytes: Infinity, receivedBytes: event.sizeBytes });
        return true;
      case 'disk-kept':
        this.#set(event, { coveredBytes: Infinity });
        return true;
      case 'step':
      case 'warning':
      case 'disk-retry':
      case 'totals':
      default:
        return false;
    }
  }

  totals(): RunTotals {
    const all = [...this.#vms.values()];
    const ended = (end: VmEnd): number => all.filter((vm) => vm.end === end).length;
    const parts = all.map(totalsOfVm);
    const sum = (of: (vm: VmTotals) => number): number => parts.reduce((total, vm) => total + of(vm), 0);
    return {
      vms: Math.max(all.length, this.#count) + this.#unknown,
      exported: ended('exported'),
      skipped: ended('skipped'),
      failed: ended('failed') + this.#unknown,
      capacityBytes: sum(({ capacityBytes }) => capacityBytes),
      coveredBytes: sum(({ coveredBytes }) => coveredBytes),
      receivedBytes: sum(({ receivedBytes }) => receivedBytes),
      ...this.#percent(all),
    };
  }

  totalsOf(vm: string): VmTotals {
    return totalsOfVm(this.#vmOf(vm));
  }

  /** A VM whose size is unknown counts as much as the average of the others. */
  #percent(all: readonly MeteredVm[]): { percent?: number } {
    const parts = all.map((vm) => ({ ...totalsOfVm(vm), isKnown: sizeOf(vm) !== undefined || vm.end !== undefined }));
    const known = parts.filter(({ isKnown }) => isKnown);
    const unknown = Math.max(all.length, this.#count) - known.length;
    const capacity = known.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
    const covered = known.reduce((sum, { coveredBytes }) => sum + coveredBytes, 0);
    const expected = capacity * (1 + (known.length === 0 ? 0 : unknown / known.length));
    return expected === 0 ? {} : { percent: Math.min(99, Math.floor((100 * covered) / expected)) };
  }

  /** A VM that was not found has not been announced. */
  #fail(name: string): void {
    const vm = this.#vms.get(name);
    if (vm === undefined) this.#unknown += 1;
    else vm.end = 'failed';
  }

  #vmOf(name: string): MeteredVm {
    const vm = this.#vms.get(name) ?? { expectedBytes: undefined, disks: new Map(), lostBytes: 0, end: undefined };
    this.#vms.set(name, vm);
    return vm;
  }

  #set({ vm, disk }: { vm: string; disk: string }, changes: Partial<MeteredDisk>): void {
    const { disks } = this.#vmOf(vm);
    const merged = { capacityBytes: 0, coveredBytes: 0, receivedBytes: 0, ...disks.get(disk), ...changes };
    disks.set(disk, { ...merged, coveredBytes: Math.min(merged.coveredBytes, merged.capacityBytes) });
  }
}

function sizeOf({ disks, expectedBytes }: MeteredVm): number | undefined {
  if (disks.size === 0) return expectedBytes;
  return [...disks.values()].reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
}

function totalsOfVm(vm: MeteredVm): VmTotals {
  const disks = [...vm.disks.values()];
  const capacityBytes = sizeOf(vm) ?? 0;
  const coveredBytes = disks.reduce((sum, disk) => sum + disk.coveredBytes, 0);
  const receivedBytes = disks.reduce((sum, disk) => sum + disk.receivedBytes, vm.lostBytes);
  if (vm.end === 'skipped') return { capacityBytes: 0, coveredBytes: 0, receivedBytes };
  if (vm.end === 'failed') return { capacityBytes: coveredBytes, coveredBytes, receivedBytes };
  return { capacityBytes, coveredBytes: vm.end === 'exported' ? capacityBytes : coveredBytes, receivedBytes };
}
