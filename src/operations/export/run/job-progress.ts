import type { JobRecord } from '../../../jobs/job-record.ts';
import type { JobHandle } from '../../../jobs/job-handle.ts';
import { JobExtent } from './job-extent.ts';
import type { ExportEvent } from '../types.ts';
import { describeFailure } from './vm-failure.ts';

type JobVm = JobRecord['vms'][number];

/** Keeps the job record up to date from the events of an export. */
export class JobProgress {
  #job: JobHandle | undefined;
  readonly #vms = new Map<string, JobVm>();
  readonly #files: JobRecord['files'] = [];
  /** Bytes of downloads that are over, and of those under way by disk. */
  #endedBytes = 0;
  readonly #underWay = new Map<string, number>();
  readonly #extent = new JobExtent();

  attach(job: JobHandle): void {
    this.#job = job;
  }

  take(event: ExportEvent): void {
    this.#extent.take(event);
    if (event.type === 'vm-started') this.#setVm({ vm: event.vm, state: 'running' });
    if (event.type === 'vm-finished') {
      this.#files.push(...event.result.files);
      this.#setVm({ vm: event.vm, state: 'done', ...leftIn(event.result) });
    }
    if (event.type === 'vm-skipped') this.#setVm({ vm: event.vm, state: 'skipped', ...leftIn(event.result) });
    if (event.type === 'vm-failed') {
      const { error } = describeFailure(event.vm, event.error);
      const { leftBehind = [] } = event;
      const state = error.kind === 'interrupted' ? 'interrupted' : 'failed';
      this.#setVm({ vm: event.vm, state, error, ...(leftBehind.length === 0 ? {} : { leftBehind }) });
    }
    if (event.type === 'disk-started') this.#endDownload(event.disk);
    if (event.type === 'disk-progress') this.#receive(event.disk, event.receivedBytes);
    if (event.type === 'disk-whole') {
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
  }

  #setVm(vm: JobVm): void {
    this.#vms.set(vm.vm, vm);
    this.#update();
  }

  #update(): void {
    const underWay = [...this.#underWay.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.#job?.update({
      transferredBytes: this.#endedBytes + underWay,
      ...this.#extent.percent(),
      files: [...this.#files],
      vms: [...this.#vms.values()],
    });
  }
}

function leftIn({ leftBehind }: { leftBehind?: string[] }): Pick<JobVm, 'leftBehind'> {
  return leftBehind === undefined ? {} : { leftBehind };
}
