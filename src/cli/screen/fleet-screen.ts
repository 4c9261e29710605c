import type * as Listr2 from 'listr2';
import { formatCount } from '../../base/text/amounts.ts';
import { InterruptedError } from '../../base/errors.ts';
import { paintFor, paintMessages, type Paint, type Role } from '../text/color.ts';
import { safeText } from '../text/safe-text.ts';
import { foldText } from '../text/fold-lines.ts';
import { cutEnd } from '../text/text-width.ts';
import type { BarFormat } from './lines/disk-line.ts';
import { applyEvent, unnamedProgress, type ScreenEvent } from './export-progress.ts';
import type { ExportScreen, ScreenOptions, ScreenStream } from './screen.ts';
import { FleetVm, fleetLines } from './lines/fleet-line.ts';
import { chooseGlyphs, type Glyphs } from './lines/glyphs.ts';
import { TotalsLine } from './lines/totals-line.ts';
import { LiveTask } from './live-task.ts';
import { resultWords, skipWords, workWords } from './result-words.ts';

const REDRAW_MS = 100;
const SHOW_CURSOR = '\u001b[?25h';
/** listr2's symbol before the title or its indentation before a line, and one free column at the edge. */
const TITLE_MARGIN = 5;
const LINE_MARGIN = 3;
/** The title, and two free rows. */
const ROWS_MARGIN = 3;

/** Loads listr2 and cli-progress, and creates the live screen for several concurrent VMs. */
export async function createFleetScreen(
  options: Omit<ScreenOptions, 'quiet'> & { startedAtMs?: number },
): Promise<ExportScreen> {
  const { stream, env, now = Date.now, startedAtMs = now() } = options;
  const [listr2, cliProgress] = await Promise.all([import('listr2'), import('cli-progress')]);
  const look = { format: cliProgress.default.Format, glyphs: chooseGlyphs(env), paint: paintFor(stream, env) };
  return new FleetScreen({ listr2, ...look, stream, now, startedAtMs });
}

interface FleetParts {
  listr2: typeof Listr2;
  format: BarFormat;
  glyphs: Glyphs;
  paint: Paint;
  stream: ScreenStream;
  now: () => number;
  startedAtMs: number;
}

/**
 * One live list with a line for each active VM, and the totals below them. Permanent output (a finished VM, a warning)
 * is printed above the list. To print it, the list is removed, at most ten times a second, and redrawn below.
 */
class FleetScreen implements ExportScreen {
  readonly #parts: FleetParts;
  readonly #write: ScreenStream['write'];
  readonly #clock: NodeJS.Timeout;
  readonly #atWork = new Map<string, FleetVm>();
  readonly #totals: TotalsLine;
  readonly showsErrors = false;
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
    this.#totals = new TotalsLine(parts.startedAtMs);
    this.#clock = setInterval(() => this.#draw(), REDRAW_MS).unref();
    parts.stream.on('resize', this.#onResize);
    process.on('exit', this.#onExit);
  }

  onEvent(event: ScreenEvent): void {
    const nowMs = this.#parts.now();
    const name = 'vm' in event ? event.vm : undefined;
    if (event.type === 'run-started') this.#opening = `Exporting ${formatCount(event.vms.length, 'VM')}`;
    if (event.type === 'totals') this.#totals.take(event.totals, nowMs);
    if (event.type === 'vm-started') {
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
      // The warnings of a VM are in the summary.
      if (event.vm === undefined || !this.#atWork.has(event.vm)) this.note(warningWords(event.vm, event.message));
    } else if (event.type === 'vm-finished') {
      this.#end(event.vm, 'ok', done, resultWords(event.result));
    } else if (event.type === 'vm-skipped') {
      this.#end(event.vm, 'ok', done, skipWords(event.result));
    } else if (event.type === 'vm-ended') {
      const { role, mark } = this.#markOf(event.state);
      this.#end(event.vm, role, mark, event.state);
    } else if (event.type === 'vm-failed') {
      // No summary has the warnings of a failed VM.
      for (const message of this.#atWork.get(event.vm)?.progress.warnings ?? []) {
        this.note(warningWords(event.vm, message));
      }
      const isInterrupted = event.error instanceof InterruptedError;
      const words = workWords(event).failed;
      this.#end(event.vm, isInterrupted ? 'warning' : 'error', failed, isInterrupted ? 'interrupted' : words);
    }
  }

  #markOf(state: Extract<ScreenEvent, { type: 'vm-ended' }>['state']): { role: Role; mark: string } {
    const { done, failed } = this.#parts.glyphs;
    if (state === 'failed') return { role: 'error', mark: failed };
    return state === 'interrupted' ? { role: 'warning', mark: failed } : { role: 'ok', mark: done };
  }

  #end(vm: string, role: Role, mark: string, words: string): void {
    this.#atWork.delete(vm);
    this.#toPrint.push(`${this.#parts.paint(role, mark)} ${safeText(`${vm}: ${words}`)}`);
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
    const { listr2, stream, glyphs, paint } = this.#parts;
    const title = cutEnd(safeText(this.#opening), this.#columns() - TITLE_MARGIN);
    const lines = this.#lines();
    this.#live ??= new LiveTask(listr2, stream, { title, clear: true, glyphs, paint });
    this.#live.show(title, lines);
  }

  async #print(): Promise<void> {
    const live = this.#live;
    this.#live = undefined;
    await live?.end({ failed: false, title: '', lines: [] });
    const lines = this.#toPrint;
    this.#toPrint = [];
    if (lines.length === 0) return;
    const { stream, paint } = this.#parts;
    stream.write(`${paintMessages(foldText(lines.join('\n'), stream), paint)}\n`);
  }

  #lines(): string[] {
    const { glyphs, format, now, stream, paint } = this.#parts;
    const height = Math.max(1, (stream.rows || 24) - ROWS_MARGIN);
    const context = { width: this.#columns() - LINE_MARGIN, nowMs: now(), glyphs, format, paint };
    const totals = this.#totals.text(context);
    const vms = fleetLines([...this.#atWork.values()], totals === '' ? height : height - 1, context);
    return totals === '' ? vms : [...vms, totals];
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

function warningWords(vm: string | undefined, message: string): string {
  return `${vm === undefined ? '' : `${vm}: `}Warning: ${message}`;
}
