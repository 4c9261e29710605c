import { InterruptedError } from '../../base/errors.ts';
import type { ExportStep } from '../../operations/export/types.ts';
import { describeError, errorLines } from '../error-report.ts';
import { safeText } from '../text/safe-text.ts';
import type { ScreenEvent } from './export-progress.ts';
import type { ExportScreen, ScreenStream } from './export-screen.ts';

/** Shows errors only. A warning of the clean-up counts as one: it says what is left behind on the server. */
export class QuietScreen implements ExportScreen {
  readonly #stream: ScreenStream;
  /** By VM, since several may be exported at once. */
  readonly #steps = new Map<string | undefined, ExportStep>();

  constructor(stream: ScreenStream) {
    this.#stream = stream;
  }

  onEvent(event: ScreenEvent): void {
    if (event.type === 'step') this.#steps.set(event.vm, event.step);
    if (event.type === 'warning' && this.#steps.get(event.vm) === 'clean-up') this.note(`Warning: ${event.message}`);
    if (event.type === 'vm-failed' && !(event.error instanceof InterruptedError)) {
      this.#stream.write(`${safeText(event.vm)}: ${errorLines(describeError(event.error))}\n`);
    }
  }

  note(text: string): void {
    this.#stream.write(`${safeText(text)}\n`);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
