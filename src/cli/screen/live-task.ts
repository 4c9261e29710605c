import { Writable } from 'node:stream';
import type * as Listr2Module from 'listr2';
import { textWidth } from '../text/text-width.ts';
import type { ScreenStream } from './screen.ts';
import type { Glyphs } from './glyphs.ts';

type Listr2 = typeof Listr2Module;
type StreamRenderer = ReturnType<typeof streamRenderer>;

export interface LiveTaskOptions {
  title: string;
  /** Leave nothing on the screen at the end. */
  clear: boolean;
  glyphs: Glyphs;
}

/** How a task ends: its last title and lines, which stay on the screen unless the task was made with `clear`. */
export interface LiveTaskEnd {
  failed: boolean;
  title: string;
  lines: readonly string[];
}

/**
 * One task in a listr2 list that owns `stream` until {@link LiveTask.end} resolves. listr2 holds back what others write
 * to the stream meanwhile and gives it out at the end, so that nothing lands in the middle of a frame.
 */
export class LiveTask {
  readonly #stream: ScreenStream;
  /** The stream's own write: listr2 puts another one in its place. */
  readonly #write: ScreenStream['write'];
  readonly #done = Promise.withResolvers<void>();
  readonly #frame = { text: '' };
  readonly #running: Promise<unknown>;
  #task: { title: string; output: string } | undefined;
  #title: string;
  #lines: readonly string[] = [];

  /** The first frame comes some milliseconds later: listr2 loads parts of its own. */
  constructor(listr2: Listr2, stream: ScreenStream, { title, clear, glyphs }: LiveTaskOptions) {
    this.#stream = stream;
    this.#write = stream.write.bind(stream);
    this.#title = title;
    // The failure is shown as a cross; the error itself is told elsewhere.
    this.#done.promise.catch(() => {});
    this.#running = this.#run(listr2, clear, glyphs);
  }

  /** Draws these lines under the title: one frame, and a second one only when the title is new. */
  show(title: string, lines: readonly string[]): void {
    if (this.#task !== undefined && title !== this.#title) this.#task.title = title;
    this.#title = title;
    this.#lines = lines;
    if (this.#task !== undefined) this.#task.output = lines.join('\n');
  }

  /**
   * Clears the frame that a narrower terminal has folded onto more rows than listr2 knows of, and leaves the cursor where
   * listr2 expects it: as many rows under the top as the frame has lines. The caller draws again.
   */
  unfold(): void {
    const columns = this.#stream.columns || 80;
    const lines = this.#frame.text === '' ? [] : this.#frame.text.split('\n');
    const folded = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / columns)), 0);
    const above = Math.min(folded, (this.#stream.rows || 24) - 1);
    if (folded > lines.length) this.#write(`\u001b[${above}A\r\u001b[J${'\n'.repeat(lines.length)}`);
  }

  /** Draws the last frame and gives the stream back. */
  async end({ failed, title, lines }: LiveTaskEnd): Promise<void> {
    this.show(title, lines);
    if (failed) this.#done.reject(new Error(title));
    else this.#done.resolve();
    await this.#running;
  }

  #run(listr2: Listr2, clear: boolean, glyphs: Glyphs): Promise<unknown> {
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
            // What was shown, or even ended, while listr2 was loading.
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
          // The screen draws ten times a second by its own clock; listr2's spinner would double that.
          lazy: true,
          icon: { [Level.PENDING]: glyphs.pending, [Level.COMPLETED]: glyphs.done, [Level.FAILED]: glyphs.failed },
          clearOutput: clear,
          collapseErrors: false,
          showErrorMessage: false,
        },
        exitOnError: false,
        // listr2 would end the process with 127 on Ctrl-C, in the middle of the clean-up.
        registerSignalListeners: false,
      },
    );
    return list.run();
  }
}

/**
 * listr2's renderer, with three changes: it takes a stream's being a terminal on the screen's word, since listr2 itself
 * only ever asks standard output; the lines under the title have no sign of their own and keep their layout; and the
 * frame is remembered.
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

/** listr2 wants terminals, and uses only what a {@link ScreenStream} has. */
function asTty(stream: ScreenStream): NodeJS.WriteStream {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return stream as NodeJS.WriteStream;
}
