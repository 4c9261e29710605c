import { formatBytes, formatCount } from '../../../base/text/amounts.ts';
import type { ExportEvent } from '../../../operations/export/types.ts';
import { safeText } from '../../text/safe-text.ts';

/** More complete VMs than this are counted, so that the rest of the message stays on the screen. */
const MOST_SHOWN = 10;

/** Collects what a user needs to know after an interruption: an interrupted export has no result. */
export class InterruptedRun {
  #job: string | undefined;
  #vms: readonly string[] = [];
  readonly #complete = new Map<string, { output: string; sizeBytes: number }>();

  take(event: ExportEvent): void {
    if (event.type === 'run-started') {
      this.#job = event.job;
      this.#vms = event.vms.map(({ vm }) => vm);
    }
    if (event.type !== 'vm-finished' && event.type !== 'vm-skipped') return;
    const { output, files } = event.result;
    this.#complete.set(event.vm, { output, sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) });
  }

  /** What was kept, and how to go on. Empty when the VMs were not known yet. */
  lines(): string[] {
    if (this.#job === undefined) return [];
    const rest = this.#vms.length - this.#complete.size;
    const of = `${this.#complete.size} of ${formatCount(this.#vms.length, 'VM')}`;
    const shown = [...this.#complete].slice(0, MOST_SHOWN);
    const more = this.#complete.size - shown.length;
    return [
      ...(this.#complete.size === 0
        ? ['No VM is complete. Incomplete files were removed.']
        : [`Kept: ${of}. Incomplete files of the others were removed.`]),
      ...shown.map(([vm, { output, sizeBytes }]) => safeText(`  ${vm}: ${formatBytes(sizeBytes)} in ${output}`)),
      ...(more > 0 ? [`  ${formatCount(more, 'more VM')}`] : []),
      ...(rest === 0
        ? []
        : [`To continue, run the same command again${this.#complete.size > 0 ? ' with --skip-existing' : ''}.`]),
      `Details: hyper2kvm status --job ${this.#job}`,
    ];
  }
}
