import { Writable } from 'node:stream';
import type * as Listr2Module from 'listr2';
import type { Paint } from '../text/color.ts';
import { textWidth } from '../text/text-width.ts';
import type { ScreenStream } from './screen.ts';
import type { Glyphs } from './lines/glyphs.ts';

type Listr2 = typeof Listr2Module;
type StreamRenderer = ReturnType<typeof streamRenderer>;

export interface LiveTaskOptions {
  title: string;
  /** Remove the output at the end. */
  clear: boolean;
  glyphs: Glyphs;
  paint: Paint;
}

/** The end of a task: its final title and lines, which stay on the screen unless the task was created with `clear`. */
export interface LiveTaskEnd {
  failed: boolean;
  title: string;
  lines: readonly string[];
}

/**
 * One task in a listr2 list, which owns `stream` until {@link LiveTask.end} resolves. listr2 buffers other writes to
 * the stream and prints them at the end, so that nothing is written in the middle of a frame.
 */
export class LiveTask {
  readonly #stream: ScreenStream;
  /** The stream's original write function, which listr2 replaces. */
  readonly #write: ScreenStream['write'];
  readonly #done = Promise.withResolvers<void>();
  readonly #frame = { text: '' };
  readonly #running: Promise<unknown>;
  #task: { title: string; output: string } | undefined;
  #title: string;
  #lines: readonly string[] = [];

  /** The first frame follows some milliseconds later, because listr2 loads modules of its own. */
  constructor(listr2: Listr2, stream: ScreenStream, options: LiveTaskOptions) {
    this.#stream = stream;
    this.#write = stream.write.bind(stream);
    this.#title = options.title;
    // The failure is shown as a cross; the error itself is reported elsewhere.
    this.#done.promise.catch(() => {});
    this.#running = this.#run(listr2, options);
  }

  /** Draws these lines under the title: one frame, and a second one only when the title has changed. */
  show(title: string, lines: readonly string[]): void {
    if (this.#task !== undefined && title !== this.#title) this.#task.title = title;
    this.#title = title;
    this.#lines = lines;
    if (this.#task !== undefined) this.#task.output = lines.join('\n');
  }

  /**
   * Clears a frame that a narrower terminal has wrapped onto more rows than listr2 expects. Leaves the cursor where
   * listr2 expects it: as many rows below the top as the frame has lines. The caller must redraw.
   */
  unfold(): void {
    const columns = this.#stream.columns || 80;
    const lines = this.#frame.text === '' ? [] : this.#frame.text.split('\n');
    const folded = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / columns)), 0);
    const above = Math.min(folded, (this.#stream.rows || 24) - 1);
    if (folded > lines.length) this.#write(`\u001b[${above}A\r\u001b[J${'\n'.repeat(lines.length)}`);
  }

  /** Draws the final frame and releases the stream. */
  async end({ failed, title, lines }: LiveTaskEnd): Promise<void> {
    this.show(title, lines);
    if (failed) this.#done.reject(new Error(title));
    else this.#done.resolve();
    await this.#running;
  }

  #run(listr2: Listr2, { clear, glyphs, paint }: LiveTaskOptions): Promise<unknown> {
    const { DefaultRenderer, Listr, ListrDefaultRendererLogLevels: Level, ListrLogger, ProcessOutput } = listr2;
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const processOutput = new ProcessOutput(asTty(this.#stream), asTty(nowhere), { leaveEmptyLine: false });
    const list = new Listr<unknown, StreamRenderer, 'silent'>(
      [
        {
          title: this.#title,
          rendererOptions: { persistentOutput: true },
          task: (_context, task) => {
            this.#task = task;
            // Apply the state that was set, or even ended, while listr2 was loading.
            task.title = this.#title;
            this.show(this.#title, this.#lines);
            return this.#done.promise;
          },
        },
      ],
      {
        renderer: streamRenderer(DefaultRenderer, this.#frame),
        rendererOptions: {
          logger: new ListrLogger({ useIcons: true, toStderr: [], processOutput }),
          // The screen draws ten times a second with its own timer; listr2's spinner would double that.
          lazy: true,
          icon: { [Level.PENDING]: glyphs.pending, [Level.COMPLETED]: glyphs.done, [Level.FAILED]: glyphs.failed },
          // listr2 has colors of its own, which follow standard output.
          color: {
            [Level.PENDING]: (icon) => paint('faint', String(icon)),
            [Level.COMPLETED]: (icon) => paint('ok', String(icon)),
            [Level.FAILED]: (icon) => paint('error', String(icon)),
          },
          clearOutput: clear,
          collapseErrors: false,
          showErrorMessage: false,
        },
        exitOnError: false,
        // On Ctrl-C, listr2 would exit the process with 127, in the middle of the clean-up.
        registerSignalListeners: false,
      },
    );
    return list.run();
  }
}

/**
 * listr2's renderer with three changes. The screen decides whether the stream is a terminal, because listr2 checks only
 * standard output. The lines under the title have no symbol and keep their layout. The frame is remembered.
 */
function streamRenderer(DefaultRenderer: Listr2['DefaultRenderer'], frame: { text: string }) {
  return class extends DefaultRenderer {
    static override nonTTY = true;

    override create(options?: Parameters<InstanceType<Listr2['DefaultRenderer']>['create']>[0]): string {
      frame.text = super.create(options);
      return frame.text;
    }

    protected override format(message: string, icon: string, level: number): string[] {
      if (level === 0) return super.format(message, icon, level);
      return message === '' ? [] : message.split('\n').map((line) => `  ${line}`);
    }
  };
}

/** listr2's types require a terminal stream, but it uses only the members of {@link ScreenStream}. */
function asTty(stream: ScreenStream): NodeJS.WriteStream {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return stream as NodeJS.WriteStream;
}
