import type { JobRecord } from '../../../jobs/job-record.ts';
import type { JobHandle } from '../../../jobs/job-handle.ts';
import type { LeftOutDisk } from '../types.ts';
import { describeFailure } from './export-outcome.ts';
import type { JobEvent, RunMeter } from './run-meter.ts';

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

  take(event: JobEvent): void {
    switch (event.type) {
      case 'vm-started':
        return this.#setVm({ vm: event.vm, state: 'running' });
      case 'vm-finished':
        this.#files.push(...event.result.files);
        return this.#setVm({ vm: event.vm, state: 'done', ...leftOutOf(event.result), ...leftIn(event.result) });
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
      case 'disk-complete':
      case 'disk-kept':
      case 'disk-retry':
      default:
        return this.#update();
    }
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

function leftOutOf({ leftOut }: { leftOut?: LeftOutDisk[] }): Pick<JobVm, 'leftOut'> {
  return leftOut === undefined ? {} : { leftOut: leftOut.map(({ label }) => label) };
}

function leftIn({ leftBehind }: { leftBehind?: string[] }): Pick<JobVm, 'leftBehind'> {
  return leftBehind === undefined ? {} : { leftBehind };
}
