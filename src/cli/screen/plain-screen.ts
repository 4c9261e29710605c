import { InterruptedError } from '../../base/errors.ts';
import type { ConvertResult } from '../../operations/convert/types.ts';
import { describeError, errorLines } from '../text/error-report.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../../base/text/amounts.ts';
import { safeLines } from '../text/safe-text.ts';
import {
  applyEvent,
  secondsLeft,
  shareOf,
  unnamedProgress,
  type DiskEvent,
  type ScreenEvent,
  type VmProgress,
} from './export-progress.ts';
import type { ExportScreen } from './screen.ts';
import { resultWords, skipWords, workWords } from './result-words.ts';
import { STEP_LABELS } from './lines/step-labels.ts';

/** Minimum time between two progress lines of one disk. */
const PROGRESS_MS = 10_000;

const PASS_WORDS = { hash: 'checking its hash in the manifest', 'read-back': 'reading back' } as const;

/** The final events of a VM: nothing more is printed about it. */
const ENDS: ReadonlySet<ScreenEvent['type']> = new Set(['vm-finished', 'vm-skipped', 'vm-failed']);

/** One line with a timestamp for each event, without escape codes: for cron mails, logs and pipes. */
export class PlainScreen implements ExportScreen {
  readonly #stream: { write: (text: string) => unknown };
  readonly #now: () => number;
  /** Time of the last line about a disk; its start counts as a line. */
  readonly #printedAtMs = new Map<string, number>();
  /**
   * One state for each VM that has begun, because several may be exported concurrently. The state without a name is for
   * the run or for a conversion.
   */
  readonly #states = new Map<string | undefined, VmProgress>();

  constructor(stream: { write: (text: string) => unknown }, now: () => number = Date.now) {
    this.#stream = stream;
    this.#now = now;
  }

  readonly showsErrors = true;

  onEvent(event: ScreenEvent): void {
    const vm = 'vm' in event ? event.vm : undefined;
    const key = event.type === 'vm-started' || this.#states.has(vm) ? vm : undefined;
    this.#states.set(key, applyEvent(this.#stateOf(key), event, this.#now()));
    const line = this.#lineFor(event);
    if (line !== undefined) this.note(line);
    if (ENDS.has(event.type)) this.#states.delete(vm);
  }

  note(text: string): void {
    const stamp = `${new Date(this.#now()).toISOString().slice(0, 19)}Z`;
    this.#stream.write(`${stamp} ${safeLines(text)}\n`);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  #stateOf(vm: string | undefined): VmProgress {
    return this.#states.get(vm) ?? this.#states.get(undefined) ?? unnamedProgress('', this.#now());
  }

  #lineFor(event: ScreenEvent): string | undefined {
    if ('disk' in event) return this.#diskLine(event);
    switch (event.type) {
      case 'vm-started':
        return `${this.#stateOf(event.vm).headline}: ${workWords(event).doing} ${event.inventoryPath} to ${event.output}`;
      case 'step':
        return prefixed(event.vm, event.detail || STEP_LABELS[event.step]);
      case 'warning':
        return prefixed(event.vm, `warning: ${event.message}`);
      case 'disks': {
        const bytes = event.disks.reduce((sum, disk) => sum + disk.capacityBytes, 0);
        const count =
          this.#stateOf(event.vm).work === 'convert'
            ? `${formatCount(event.disks.length, 'disk')} to convert`
            : `${formatCount(event.disks.length, 'file')} to fetch`;
        return `${event.vm}: ${count}, ${formatBytes(bytes)} of capacity`;
      }
      case 'vm-finished':
        return `${event.vm}: done, ${resultWords(event.result)}`;
      case 'vm-skipped':
        return `${event.vm}: ${skipWords(event.result)}`;
      case 'source-started':
        this.#printedAtMs.clear();
        return `Converting ${event.source}`;
      case 'source-finished':
        return `${event.source}: ${isPlan(event.result) ? '' : 'done, '}${resultWords(event.result)}`;
      case 'boot-test-started':
        return `Boot test of ${event.target}`;
      case 'boot-test-finished':
        return `${event.target}: ${event.words}`;
      case 'source-failed':
      case 'vm-ended':
      case 'run-started':
      case 'totals':
        return undefined;
      case 'vm-failed':
      default:
        if (event.error instanceof InterruptedError) return `${event.vm}: interrupted`;
        // The end of the command shows the error.
        if ('work' in event && event.work === 'cutover') return `${event.vm}: not cut over`;
        return `${event.vm}: ${workWords(event).failed}. ${errorLines(describeError(event.error))}`;
    }
  }

  #diskLine(event: DiskEvent): string | undefined {
    const name = `${event.vm}: ${event.disk}`;
    switch (event.type) {
      case 'disk-started': {
        this.#printedAtMs.set(event.disk, this.#now());
        const again = event.attempt > 1 ? `, try ${event.attempt}` : '';
        return `${name}: started, ${formatBytes(event.capacityBytes)} of capacity${again}`;
      }
      case 'disk-pass':
        this.#printedAtMs.set(event.disk, this.#now());
        return event.pass === 'copy' ? undefined : `${name}: ${PASS_WORDS[event.pass]}`;
      case 'disk-progress':
        return this.#progressLine(event);
      case 'disk-complete':
        return `${name}: complete, ${formatBytes(event.sizeBytes)} in ${formatDuration(event.seconds)}`;
      case 'disk-kept':
        return `${name}: kept from an earlier run, ${formatBytes(event.sizeBytes)}`;
      case 'disk-retry':
      default: {
        const wait = formatDuration(event.waitMs / 1000);
        return `${name}: try ${event.attempt} of ${event.attempts} failed, next in ${wait}: ${event.reason}`;
      }
    }
  }

  #progressLine({ vm, disk }: Extract<DiskEvent, { type: 'disk-progress' }>): string | undefined {
    const nowMs = this.#now();
    const state = this.#stateOf(vm).disks.get(disk);
    if (state === undefined || nowMs - (this.#printedAtMs.get(disk) ?? nowMs) < PROGRESS_MS) return undefined;
    this.#printedAtMs.set(disk, nowMs);
    const rate = state.received.perSecond(nowMs);
    const left = secondsLeft(state, nowMs);
    const pass = state.phase === 'verifying' ? 'read back ' : state.phase === 'hashing' ? 'hashed ' : '';
    const parts = [
      state.capacityBytes > 0 ? `${Math.floor(shareOf(state) * 100)}%` : '',
      rate === undefined
        ? formatBytes(state.receivedBytes)
        : `${formatBytes(state.receivedBytes)} at ${formatRate(rate)}`,
      left === undefined ? '' : `${formatDuration(left)} left`,
    ];
    return `${vm}: ${disk}: ${pass}${parts.filter(Boolean).join(', ')}`;
  }
}

function isPlan({ guest }: ConvertResult): boolean {
  return guest?.outcome === 'planned';
}

function prefixed(vm: string | undefined, text: string): string {
  return vm === undefined ? text : `${vm}: ${text}`;
}
