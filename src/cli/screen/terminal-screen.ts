import type * as Listr2 from 'listr2';
import { InterruptedError } from '../../base/errors.ts';
import { foldText } from '../text/fold-lines.ts';
import { paintFor, paintMessages, type Paint } from '../text/color.ts';
import { safeText } from '../text/safe-text.ts';
import { cutMiddle } from '../text/text-width.ts';
import type { BarFormat } from './lines/disk-line.ts';
import { applyEvent, unnamedProgress, type ScreenEvent, type VmProgress } from './export-progress.ts';
import type { ExportScreen, ScreenOptions, ScreenStream } from './screen.ts';
import { chooseGlyphs, type Glyphs } from './lines/glyphs.ts';
import { TotalsLine } from './lines/totals-line.ts';
import { LiveTask } from './live-task.ts';
import { resultWords, skipWords, workWords } from './result-words.ts';
import { finishedBlock, vmBlock, type VmBlockContext } from './lines/vm-block.ts';

/** Events that begin a new list. */
const BEGINNINGS: ReadonlySet<ScreenEvent['type']> = new Set(['vm-started', 'source-started', 'boot-test-started']);
const REDRAW_MS = 100;
const SHOW_CURSOR = '\u001b[?25h';
/** listr2's symbol before a title, its indentation before a line, and one free column at the edge. */
const TITLE_MARGIN = 5;
const LINE_MARGIN = 3;

/** The final state of a list, and the lines to print permanently below it. */
interface ListEnd {
  failed: boolean;
  title: string;
  lines: string[];
  after: string[];
}

interface TerminalParts {
  listr2: typeof Listr2;
  format: BarFormat;
  glyphs: Glyphs;
  paint: Paint;
  stream: ScreenStream;
  now: () => number;
}

/** Loads listr2 and cli-progress, and creates the live screen for a terminal. */
export async function createTerminalScreen(options: Omit<ScreenOptions, 'quiet'>): Promise<ExportScreen> {
  const { stream, env, now = Date.now } = options;
  const [listr2, cliProgress] = await Promise.all([import('listr2'), import('cli-progress')]);
  const look = { format: cliProgress.default.Format, glyphs: chooseGlyphs(env), paint: paintFor(stream, env) };
  return new TerminalScreen({ listr2, ...look, stream, now });
}

/**
 * Shows one listr2 list at a time: one for the opening part of the run, then one for each VM or source. A finished list
 * stays on the screen. Events only change the state; a timer draws it, at most ten times a second.
 */
class TerminalScreen implements ExportScreen {
  readonly #parts: TerminalParts;
  /** The stream's original write function, which works while listr2 owns the stream. */
  readonly #write: ScreenStream['write'];
  readonly #clock: NodeJS.Timeout;
  readonly #totals: TotalsLine;
  readonly showsErrors = false;
  #state: VmProgress;
  /** True from the request to open a list to the request to end it; `#queue` runs the requests in order. */
  #isOpen = false;
  #queue: Promise<void> = Promise.resolve();
  #live: { task: LiveTask; state: VmProgress } | undefined;

  constructor(parts: TerminalParts) {
    this.#parts = parts;
    this.#write = parts.stream.write.bind(parts.stream);
    this.#state = unnamedProgress('Preparing the export', parts.now());
    this.#totals = new TotalsLine(parts.now());
    this.#clock = setInterval(() => this.#draw(), REDRAW_MS).unref();
    parts.stream.on('resize', this.#onResize);
    process.on('exit', this.#onExit);
  }

  onEvent(event: ScreenEvent): void {
    if (BEGINNINGS.has(event.type)) this.#end(this.#quietEnd());
    if (event.type === 'totals') return this.#totals.take(event.totals, this.#parts.now());
    if (event.type === 'vm-skipped') return this.#skip(event);
    this.#state = applyEvent(this.#state, event, this.#parts.now());
    if (event.type === 'vm-finished' || event.type === 'source-finished') this.#finish(resultWords(event.result));
    else if (event.type === 'vm-failed') this.#failVm(event);
    else if (event.type === 'source-failed') this.#failSource(event);
    else if (event.type === 'boot-test-finished') this.#finishBootTest(event);
    else if (!this.#isOpen) this.#begin();
  }

  note(text: string): void {
    if (this.#isOpen) this.#state.notes.push(safeText(text));
    else this.#print([text]);
  }

  async stop(): Promise<void> {
    this.#end(this.#quietEnd());
    await this.#queue;
    clearInterval(this.#clock);
    this.#parts.stream.off('resize', this.#onResize);
    process.off('exit', this.#onExit);
  }

  #begin(): void {
    this.#isOpen = true;
    const { listr2, stream, glyphs, paint } = this.#parts;
    const state = this.#state;
    this.#enqueue(() => {
      const task = new LiveTask(listr2, stream, {
        title: this.#title(state.headline),
        clear: state.vm === undefined,
        glyphs,
        paint,
      });
      this.#live = { task, state };
      this.#draw();
    });
  }

  /** Ends the list, and prints `after` permanently when the stream is free again. */
  #end({ failed, title, lines, after }: ListEnd): void {
    if (!this.#isOpen) return this.#print(after);
    this.#isOpen = false;
    this.#enqueue(async () => {
      const live = this.#live;
      this.#live = undefined;
      await live?.task.end({ failed, title: this.#title(title), lines });
    });
    this.#print(after);
  }

  /** The end of a list that has nothing more to show than its warnings. */
  #quietEnd(): ListEnd {
    return { failed: false, title: this.#state.headline, lines: [], after: warningLines(this.#state) };
  }

  #finish(words: string): void {
    const lines = this.#state.work === 'convert' ? finishedBlock(this.#state, this.#context()) : [];
    this.#end({ failed: false, title: `${this.#state.headline}: ${words}`, lines, after: [] });
    this.#state = unnamedProgress('Continuing', this.#parts.now());
  }

  #skip({ vm, result }: Extract<ScreenEvent, { type: 'vm-skipped' }>): void {
    const { glyphs, paint } = this.#parts;
    const line = `${paint('ok', glyphs.done)} ${safeText(`${vm}: ${skipWords(result)}`)}`;
    const end = this.#quietEnd();
    this.#end({ ...end, after: [...end.after, line] });
    this.#state = unnamedProgress('Continuing', this.#parts.now());
  }

  #finishBootTest({ target, failed, words }: Extract<ScreenEvent, { type: 'boot-test-finished' }>): void {
    this.#end({ failed, title: `${target}: ${words}`, lines: [], after: warningLines(this.#state) });
    this.#state = unnamedProgress('Continuing', this.#parts.now());
  }

  /** The warnings of a failed VM are not in any summary, and may say what remains on the server, so they are printed here. The end of the command reports the error. */
  #failVm(event: Extract<ScreenEvent, { type: 'vm-failed' }>): void {
    const { vm, error } = event;
    const isInterrupted = error instanceof InterruptedError;
    const words = workWords(event).failed;
    const title = `${vm}: ${isInterrupted ? 'interrupted' : words}`;
    // A VM that was not found has had no list of its own.
    const { glyphs, paint } = this.#parts;
    const mark = paint(isInterrupted ? 'warning' : 'error', glyphs.failed);
    const headline = this.#state.vm === undefined ? [`${mark} ${safeText(title)}`] : [];
    this.#end({
      failed: true,
      title,
      lines: [],
      after: [...warningLines(this.#state), ...headline],
    });
    this.#state = unnamedProgress('Continuing', this.#parts.now());
  }

  /** A failed conversion leaves no files: its disks are not listed, and the command reports its error. */
  #failSource({ source, error }: Extract<ScreenEvent, { type: 'source-failed' }>): void {
    const title = `${source}: ${error instanceof InterruptedError ? 'interrupted' : 'not converted'}`;
    this.#end({ failed: true, title, lines: [], after: warningLines(this.#state) });
    this.#state = unnamedProgress('Continuing', this.#parts.now());
  }

  #draw(): void {
    if (this.#live === undefined) return;
    const { task, state } = this.#live;
    const context = this.#context();
    const lines = vmBlock(state, this.#totals.isOfSeveral ? { ...context, height: context.height - 1 } : context);
    task.show(this.#title(state.headline), [
      ...lines,
      ...(this.#totals.isOfSeveral ? [this.#totals.text(context)] : []),
    ]);
  }

  #print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const { stream, paint } = this.#parts;
    this.#enqueue(() => void stream.write(`${paintMessages(foldText(lines.join('\n'), stream), paint)}\n`));
  }

  /** Runs `work` after everything that was queued before. */
  #enqueue(work: () => void | Promise<void>): void {
    const before = this.#queue;
    this.#queue = (async () => {
      await before;
      await work();
    })();
  }

  #title(text: string): string {
    return cutMiddle(safeText(text), this.#columns() - TITLE_MARGIN, this.#parts.glyphs.ellipsis);
  }

  #context(): VmBlockContext {
    const { glyphs, format, now, stream, paint } = this.#parts;
    const width = this.#columns() - LINE_MARGIN;
    return { width, height: Math.max(3, (stream.rows || 24) - 3), nowMs: now(), glyphs, format, paint };
  }

  #columns(): number {
    return this.#parts.stream.columns || 80;
  }

  readonly #onResize = (): void => {
    this.#live?.task.unfold();
    this.#draw();
  };

  /** A second Ctrl-C exits while the list is on the screen: the cursor must not stay hidden. */
  readonly #onExit = (): void => {
    if (this.#live !== undefined) this.#write(SHOW_CURSOR);
  };
}

function warningLines(state: VmProgress): string[] {
  return [...state.warnings.map((message) => safeText(`Warning: ${message}`)), ...state.notes];
}
