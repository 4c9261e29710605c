import type { JobRecord } from '../../../jobs/job-record.ts';
import type { JobHandle } from '../../../jobs/job-handle.ts';
import type { ExportEvent } from '../types.ts';
import { describeFailure } from './export-outcome.ts';
import type { RunMeter } from './run-meter.ts';

type JobVm = JobRecord['vms'][number];

/** Updates the job record from the events of an export. `meter` must have taken each event before. */
export class JobProgress {
  readonly #meter: RunMeter;
  #job: JobHandle | undefined;
  readonly #vms = new Map<string, JobVm>();
  readonly #files: JobRecord['files'] = [];

  constructor(meter: RunMeter) {
    this.#meter = meter;
  }

  attach(job: JobHandle): void {
    this.#job = job;
  }

  take(event: ExportEvent): void {
    switch (event.type) {
      case 'vm-started':
        return this.#setVm({ vm: event.vm, state: 'running' });
      case 'vm-finished':
        this.#files.push(...event.result.files);
        return this.#setVm({ vm: event.vm, state: 'done', ...leftIn(event.result) });
      case 'vm-skipped':
        return this.#setVm({ vm: event.vm, state: 'skipped', ...leftIn(event.result) });
      case 'vm-failed': {
        const { error } = describeFailure(event.vm, event.error);
        const { leftBehind = [] } = event;
        const state = error.kind === 'interrupted' ? 'interrupted' : 'failed';
        return this.#setVm({ vm: event.vm, state, error, ...(leftBehind.length === 0 ? {} : { leftBehind }) });
      }
      case 'step': {
        const vm = event.vm === undefined ? undefined : this.#vms.get(event.vm);
        if (vm?.state === 'running') this.#setVm({ ...vm, step: event.step });
        return;
      }
      case 'run-started':
      case 'totals':
      case 'warning':
      case 'disks':
      case 'disk-started':
      case 'disk-progress':
      case 'disk-whole':
      case 'disk-kept':
      case 'disk-retry':
      default:
        return this.#update();
    }
<<<<<<< HEAD
    if (event.type === 'vm-skipped') this.#setVm({ vm: event.vm, state: 'skipped', ...leftIn(event.result) });
    if (event.type === 'vm-failed') {
      const { error } = describeFailure(event.vm, event.error);
      const { leftBehind = [] } = event;
      const state = error.kind === 'interrupted' ? 'interrupted' : 'failed';
      this.#setVm({ vm: event.vm, state, error, ...(leftBehind.length === 0 ? {} : { leftBehind }) });
    }
    if (event.type === 'disk-started') this.#endDownload(event.disk);
    if (event.type === 'disk-progress') this.#receive(event.disk, event.receivedBytes);
    if (event.type === 'disk-complete') {
      this.#receive(event.disk, event.sizeBytes);
      this.#endDownload(event.disk);
    }
  }

  #receive(disk: string, receivedBytes: number): void {
    this.#underWay.set(disk, receivedBytes);
    this.#update();
  }

  #endDownload(disk: string): void {
    this.#endedBytes += this.#underWay.get(disk) ?? 0;
    this.#underWay.delete(disk);
    this.#update();
=======
>>>>>>> 5c9998f (screen: totals of a run, one row per VM at its end, colors)
  }

  #setVm(vm: JobVm): void {
    this.#vms.set(vm.vm, vm);
    this.#update();
  }

  #update(): void {
    const { percent, ...totals } = this.#meter.totals();
    this.#job?.update({
      transferredBytes: totals.receivedBytes,
      ...(percent === undefined ? {} : { percent }),
      totals,
      files: [...this.#files],
      vms: [...this.#vms.values()].map((vm) =>
        vm.state === 'running' ? { ...vm, progress: this.#meter.totalsOf(vm.vm) } : vm,
      ),
    });
  }
}

function leftIn({ leftBehind }: { leftBehind?: string[] }): Pick<JobVm, 'leftBehind'> {
  return leftBehind === undefined ? {} : { leftBehind };
}
<<<<<<< HEAD

/** The disks of one VM by name: total capacity and the bytes covered so far. */
type Disks = Map<string, { capacityBytes: number; coveredBytes: number }>;

/** The progress of an export, computed from its events. Every VM has the same weight, because the sizes of later VMs are not known yet. */
export class JobExtent {
  #count = 0;
  readonly #vms = new Map<string, Disks>();
  #overCount = 0;

  take(event: ExportEvent): void {
    if (event.type === 'vm-started') {
      this.#count = event.count;
      this.#vms.set(event.vm, new Map());
    }
    if (event.type === 'vm-skipped') this.#skip(event.vm);
    if (event.type === 'vm-finished' || event.type === 'vm-failed') this.#end(event.vm);
    if (event.type === 'vm-skipped') this.#end(event.vm);
    if (event.type === 'disks') {
      for (const { disk, capacityBytes } of event.disks) {
        this.#vms.get(event.vm)?.set(disk, { capacityBytes, coveredBytes: 0 });
      }
    }
    if (event.type === 'disk-started') this.#cover(event.vm, event.disk, 0);
    if (event.type === 'disk-progress') this.#cover(event.vm, event.disk, event.coveredBytes);
    if (event.type === 'disk-complete' || event.type === 'disk-kept') this.#cover(event.vm, event.disk, Infinity);
  }

  /** An integer below 100, as a change to the record; empty before the first VM has begun. */
  percent(): { percent?: number } {
    if (this.#count === 0) return {};
    const shares = [...this.#vms.values()].map(shareOf).reduce((sum, share) => sum + share, this.#overCount);
    return { percent: Math.min(99, Math.floor((100 * shares) / this.#count)) };
  }

  /** The VM counts in the total, and usually has not begun. */
  #skip(vm: string): void {
    this.#vms.delete(vm);
    this.#overCount += 1;
  }

  /** A VM that was not found has not begun, and does not count in the total. */
  #end(vm: string): void {
    if (this.#vms.delete(vm)) this.#overCount += 1;
  }

  #cover(vm: string, disk: string, coveredBytes: number): void {
    const known = this.#vms.get(vm)?.get(disk);
    if (known !== undefined) known.coveredBytes = Math.min(coveredBytes, known.capacityBytes);
  }
}

function shareOf(disks: Disks): number {
  const all = [...disks.values()];
  const capacityBytes = all.reduce((sum, disk) => sum + disk.capacityBytes, 0);
  return capacityBytes === 0 ? 0 : all.reduce((sum, disk) => sum + disk.coveredBytes, 0) / capacityBytes;
}
=======
>>>>>>> 5c9998f (screen: totals of a run, one row per VM at its end, colors)
