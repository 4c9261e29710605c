import { formatCount } from '../../base/text/amounts.ts';
import type { JobRecord, JobView } from '../../jobs/job-record.ts';
import type { ExportStep } from '../../operations/events.ts';
import type { ExportEvent } from '../../operations/export/types.ts';
import type { ScreenEvent } from './export-progress.ts';
import { hasLiveScreen } from './export-screen.ts';
import { STEP_LABELS } from './lines/step-labels.ts';
import type { ScreenStream } from './screen.ts';

type JobVm = JobRecord['vms'][number];

/** Shows a job of another process while it runs, from its record. */
export interface JobScreen {
  /** Processes the next state of the record. Never throws and never waits. */
  show(job: JobView): void;
  /** Releases the terminal. */
  stop(): Promise<void>;
}

export interface JobScreenOptions {
  stream: ScreenStream;
  env: NodeJS.ProcessEnv;
  /** The first state of the record. */
  job: JobView;
}

/** The live screen of a followed export; undefined where plain lines are to be printed instead. */
export function createJobScreen({ stream, env, job }: JobScreenOptions): JobScreen | undefined {
  if (job.kind !== 'export' || job.state !== 'running' || !hasLiveScreen(stream, env)) return undefined;
  const loading = import('./fleet-screen.ts').then(({ createFleetScreen }) =>
    createFleetScreen({ stream, env, startedAtMs: Date.parse(job.startedAt) }),
  );
  const events = new JobEvents();
  // Each call waits for the same promise, so they are shown in their order.
  return {
    show: (seen) => void loading.then((screen) => events.take(seen).forEach((event) => screen.onEvent(event))),
    stop: async () => (await loading).stop(),
  };
}

/** Converts the changes between two states of a record into the events that the export itself would report. */
export class JobEvents {
  readonly #states = new Map<string, JobVm['state']>();
  readonly #steps = new Map<string, string>();

  take(job: JobView): ScreenEvent[] {
    const { totals, percent } = job;
    if (totals === undefined) return [];
    const opening = `Job ${job.id}: exporting ${formatCount(totals.vms, 'VM')}`;
    return [
      { type: 'step', vm: undefined, step: 'find', detail: opening },
      ...job.vms.flatMap((vm) => this.#vmEvents(vm, totals.vms)),
      { type: 'totals', totals: { ...totals, ...(percent === undefined ? {} : { percent }) } },
    ];
  }

  #vmEvents(vm: JobVm, count: number): ScreenEvent[] {
    const before = this.#states.get(vm.vm);
    this.#states.set(vm.vm, vm.state);
    if (vm.state !== 'running') return before === vm.state ? [] : [{ type: 'vm-ended', vm: vm.vm, state: vm.state }];
    const start: ExportEvent[] =
      before === undefined
        ? [{ type: 'vm-started', vm: vm.vm, inventoryPath: vm.vm, index: 0, count, output: '' }]
        : [];
    return [...start, ...this.#stepEvents(vm), ...progressEvents(vm)];
  }

  #stepEvents({ vm, step }: JobVm): ExportEvent[] {
    if (step === undefined || !isStep(step) || this.#steps.get(vm) === step) return [];
    this.#steps.set(vm, step);
    return [{ type: 'step', vm, step, detail: '' }];
  }
}

/** A record has the sum over the disks of a VM, which is one line on the screen. */
function progressEvents({ vm, progress }: JobVm): ExportEvent[] {
  if (progress === undefined || progress.capacityBytes === 0) return [];
  const { capacityBytes, receivedBytes, coveredBytes } = progress;
  return [
    { type: 'disks', vm, disks: [{ disk: vm, capacityBytes }] },
    { type: 'disk-progress', vm, disk: vm, receivedBytes, coveredBytes },
  ];
}

function isStep(step: string): step is ExportStep {
  return Object.hasOwn(STEP_LABELS, step);
}
