import type * as Listr2 from 'listr2';
import { formatCount, formatRate } from '../../base/text/amounts.ts';
import { InterruptedError } from '../../base/errors.ts';
import { describeError, errorLines } from '../error-report.ts';
import { safeText } from '../text/safe-text.ts';
import { foldText } from '../text/fold-lines.ts';
import { cutEnd } from '../text/text-width.ts';
import type { BarFormat } from './disk-line.ts';
import { applyEvent, unnamedProgress, type ScreenEvent } from './export-progress.ts';
import type { ExportScreen, ScreenOptions, ScreenStream } from './screen.ts';
import { FleetVm, fleetLines } from './fleet-line.ts';
import { chooseGlyphs, type Glyphs } from './glyphs.ts';
import { LiveTask } from './live-task.ts';
import { resultWords, skipWords } from './result-words.ts';

const REDRAW_MS = 100;
const SHOW_CURSOR = '\u001b[?25h';
/** listr2's symbol before the title or its indentation before a line, and one free column at the edge. */
const TITLE_MARGIN = 5;
const LINE_MARGIN = 3;
/** The title, and two free rows. */
const ROWS_MARGIN = 3;

/** Loads listr2 and cli-progress, and creates the live screen for several concurrent VMs. */
export async function createFleetScreen(options: Omit<ScreenOptions, 'quiet'>): Promise<ExportScreen> {
  const { stream, env, now = Date.now } = options;
  const [listr2, cliProgress] = await Promise.all([import('listr2'), import('cli-progress')]);
  return new FleetScreen({ listr2, format: cliProgress.default.Format, glyphs: chooseGlyphs(env), stream, now });
}

interface FleetParts {
  listr2: typeof Listr2;
  format: BarFormat;
  glyphs: Glyphs;
  stream: ScreenStream;
  now: () => number;
}

/**
 * One live list with a line for each active VM, under a title with counts. Permanent output (a finished VM, a warning)
 * is printed above the list. To print it, the list is removed, at most ten times a second, and redrawn below.
 */
class FleetScreen implements ExportScreen {
  readonly #parts: FleetParts;
  readonly #write: ScreenStream['write'];
  readonly #clock: NodeJS.Timeout;
  readonly #atWork = new Map<string, FleetVm>();
  readonly #counts = { of: 0, exported: 0, kept: 0, failed: 0 };
  /** Lines queued for permanent output. */
  #toPrint: string[] = [];
  #opening = 'Preparing the export';
  #live: LiveTask | undefined;
  #isOver = false;
  #drawing: Promise<void> = Promise.resolve();
  #isDrawing = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    this.#write = parts.stream.write.bind(parts.stream);
    this.#clock = setInterval(() => this.#draw(), REDRAW_MS).unref();
    parts.stream.on('resize', this.#onResize);
    process.on('exit', this.#onExit);
  }

  onEvent(event: ScreenEvent): void {
    const nowMs = this.#parts.now();
    const name = 'vm' in event ? event.vm : undefined;
    if (event.type === 'vm-started') {
      this.#counts.of = event.count;
      const progress = applyEvent(unnamedProgress('', nowMs), event, nowMs);
      this.#atWork.set(event.vm, new FleetVm(event.vm, progress));
    }
    const vm = name === undefined ? undefined : this.#atWork.get(name);
    if (vm) {
      applyEvent(vm.progress, event, nowMs);
      vm.meter(nowMs);
    } else if (event.type === 'step') this.#opening = event.detail || this.#opening;
    this.#keepWhatStays(event);
  }

  note(text: string): void {
    this.#toPrint.push(safeText(text));
  }

  async stop(): Promise<void> {
    if (this.#isOver) return this.#drawing;
    this.#isOver = true;
    clearInterval(this.#clock);
    this.#parts.stream.off('resize', this.#onResize);
    process.off('exit', this.#onExit);
    this.#drawing = this.#drawing.then(() => this.#print());
    return this.#drawing;
  }

  #keepWhatStays(event: ScreenEvent): void {
    const { done, failed } = this.#parts.glyphs;
    if (event.type === 'warning') {
      const prefix = 'vm' in event && event.vm !== undefined ? `${event.vm}: ` : '';
      this.note(`${prefix}Warning: ${event.message}`);
    } else if (event.type === 'vm-finished') {
      this.#end(event.vm, 'exported', `${done} ${event.vm}: ${resultWords(event.result)}`);
    } else if (event.type === 'vm-skipped') {
      this.#end(event.vm, 'kept', `${done} ${event.vm}: ${skipWords(event.result)}`);
    } else if (event.type === 'vm-failed') {
      const isInterrupted = event.error instanceof InterruptedError;
      this.#end(event.vm, 'failed', `${failed} ${event.vm}: ${isInterrupted ? 'interrupted' : 'not exported'}`);
      if (!isInterrupted) this.#toPrint.push(...errorLines(describeError(event.error)).split('\n'));
    }
  }

  #end(vm: string, how: 'exported' | 'kept' | 'failed', line: string): void {
    this.#atWork.delete(vm);
    this.#counts[how] += 1;
    this.note(line);
  }

  /** Skips drawing while the list is being removed or set up; the next timer tick follows soon. */
  #draw(): void {
    if (this.#isDrawing || this.#isOver) return;
    this.#isDrawing = true;
    this.#drawing = this.#drawNow().finally(() => (this.#isDrawing = false));
  }

  async #drawNow(): Promise<void> {
    if (this.#toPrint.length > 0) await this.#print();
    if (this.#isOver) return;
    const { listr2, stream, glyphs } = this.#parts;
    const [title, lines] = [this.#title(), this.#lines()];
    this.#live ??= new LiveTask(listr2, stream, { title, clear: true, glyphs });
    this.#live.show(title, lines);
  }

  async #print(): Promise<void> {
    const live = this.#live;
    this.#live = undefined;
    await live?.end({ failed: false, title: '', lines: [] });
    const lines = this.#toPrint;
    this.#toPrint = [];
    if (lines.length > 0) this.#parts.stream.write(`${foldText(lines.join('\n'), this.#parts.stream)}\n`);
  }

  #title(): string {
    const { exported, kept, failed, of } = this.#counts;
    const over = exported + kept + failed;
    if (this.#atWork.size === 0 && over === 0) return cutEnd(safeText(this.#opening), this.#columns() - TITLE_MARGIN);
    const nowMs = this.#parts.now();
    const rates = [...this.#atWork.values()].map((vm) => vm.asOneDisk().received.perSecond(nowMs) ?? 0);
    const rate = rates.reduce((sum, each) => sum + each, 0);
    const parts = [
      `${over} of ${formatCount(Math.max(of, over), 'VM')} finished`,
      failed > 0 ? `${failed} not exported` : '',
      this.#atWork.size > 0 ? `${this.#atWork.size} running` : '',
      rate > 0 ? formatRate(rate) : '',
    ];
    return cutEnd(parts.filter(Boolean).join(', '), this.#columns() - TITLE_MARGIN);
  }

  #lines(): string[] {
    const { glyphs, format, now, stream } = this.#parts;
    const height = Math.max(1, (stream.rows || 24) - ROWS_MARGIN);
    const context = { width: this.#columns() - LINE_MARGIN, nowMs: now(), glyphs, format };
    return fleetLines([...this.#atWork.values()], height, context);
  }

  #columns(): number {
    return this.#parts.stream.columns || 80;
  }

  readonly #onResize = (): void => {
    this.#live?.unfold();
    this.#draw();
  };

  /** A second Ctrl-C exits while the list is on the screen: the cursor must not stay hidden. */
  readonly #onExit = (): void => {
    if (this.#live !== undefined) this.#write(SHOW_CURSOR);
  };
}
