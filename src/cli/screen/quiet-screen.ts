import { InterruptedError } from '../../base/errors.ts';
import { describeError, errorLines } from '../text/error-report.ts';
import { paintMessages, type Paint } from '../text/color.ts';
import { safeText } from '../text/safe-text.ts';
import type { ScreenEvent } from './export-progress.ts';
import type { ExportScreen, ScreenStream } from './screen.ts';

/** Shows only errors and warnings, each with its VM: a warning may be the only sign that the result is not as intended. */
export class QuietScreen implements ExportScreen {
  readonly showsErrors = true;
  readonly #stream: ScreenStream;
  readonly #paint: Paint;

  constructor(stream: ScreenStream, paint: Paint) {
    this.#stream = stream;
    this.#paint = paint;
  }

  onEvent(event: ScreenEvent): void {
    if (event.type === 'warning')
      this.note(`${event.vm === undefined ? '' : `${event.vm}: `}Warning: ${event.message}`);
    if (event.type === 'vm-failed' && !(event.error instanceof InterruptedError)) {
      this.#print(`${safeText(event.vm)}: ${errorLines(describeError(event.error))}`);
    }
  }

  note(text: string): void {
    this.#print(safeText(text));
  }

  #print(text: string): void {
    this.#stream.write(`${paintMessages(text, this.#paint)}\n`);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
