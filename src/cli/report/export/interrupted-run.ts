import { formatBytes, formatCount } from '../../../base/text/amounts.ts';
import type { ExportEvent, ExportResult, VmExportFailure } from '../../../operations/export/types.ts';
import { describeError } from '../../text/error-report.ts';
import { safeText } from '../../text/safe-text.ts';

/** More complete VMs than this are counted, so that the rest of the message stays on the screen. */
const MOST_SHOWN = 10;

/** Collects what a user needs to know after an interruption: an interrupted export has no result. */
export class InterruptedRun {
  #job: string | undefined;
  #vms: readonly string[] = [];
  readonly #exported: ExportResult['exported'] = [];
  readonly #skipped: ExportResult['skipped'] = [];
  readonly #failed = new Map<string, VmExportFailure>();
  readonly #complete = new Map<string, { output: string; sizeBytes: number }>();

  take(event: ExportEvent): void {
    if (event.type === 'run-started') {
      this.#job = event.job;
      this.#vms = event.vms.map(({ vm }) => vm);
    }
    if (event.type === 'vm-finished') this.#exported.push(event.result);
    if (event.type === 'vm-skipped') this.#skipped.push(event.result);
    if (event.type === 'vm-failed') {
      const { kind, message, hint } = describeError(event.error);
      const error = { kind, message, ...(hint === undefined ? {} : { hint }) };
      const { leftBehind = [], keptForNextRun = [] } = event;
      this.#failed.set(event.vm, { vm: event.vm, error, leftBehind, keptForNextRun });
    }
    if (event.type !== 'vm-finished' && event.type !== 'vm-skipped') return;
    const { output, files } = event.result;
    this.#complete.set(event.vm, { output, sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) });
  }

  /** The result of the VMs so far, for a report. Undefined when the VMs were not known yet. */
  result(isInterrupted: boolean): ExportResult | undefined {
    if (this.#job === undefined) return undefined;
    const rest = this.#vms.filter((vm) => !this.#complete.has(vm) && !this.#failed.has(vm));
    const error = { kind: 'interrupted' as const, message: 'The run ended before this VM was exported.' };
    return {
      job: this.#job,
      state: isInterrupted ? 'interrupted' : 'failed',
      exported: this.#exported,
      skipped: this.#skipped,
      failed: [...this.#failed.values(), ...rest.map((vm) => ({ vm, error, leftBehind: [], keptForNextRun: [] }))],
    };
  }

  /** What was kept, and how to go on. Empty when the VMs were not known yet. */
  lines(): string[] {
    if (this.#job === undefined) return [];
    const rest = this.#vms.length - this.#complete.size;
    const of = `${this.#complete.size} of ${formatCount(this.#vms.length, 'VM')}`;
    const kept = [...this.#failed.values()].flatMap(({ keptForNextRun }) => keptForNextRun);
    const partial = `Kept for the next run: ${safeText(kept.join(', '))}.`;
    const rests = kept.length > 0 ? partial : 'Incomplete files were removed.';
    const restsOfOthers = kept.length > 0 ? partial : 'Incomplete files of the others were removed.';
    const shown = [...this.#complete].slice(0, MOST_SHOWN);
    const more = this.#complete.size - shown.length;
    return [
      ...(this.#complete.size === 0 ? [`No VM is complete. ${rests}`] : [`Kept: ${of}. ${restsOfOthers}`]),
      ...shown.map(([vm, { output, sizeBytes }]) => safeText(`  ${vm}: ${formatBytes(sizeBytes)} in ${output}`)),
      ...(more > 0 ? [`  ${formatCount(more, 'more VM')}`] : []),
      ...(rest === 0
        ? []
        : [`To continue, run the same command again${this.#complete.size > 0 ? ' with --skip-existing' : ''}.`]),
      `Details: hyper2kvm status --job ${this.#job}`,
    ];
  }
}
