import { InterruptedError } from '../../base/errors.ts';
import { SCHEMA_VERSION } from '../../base/records/schema-version.ts';
import type { ProgressLine } from '../../operations/documents/progress-line.ts';
import type { RunTotals } from '../../operations/export/types.ts';
import { describeError, type ErrorReport } from '../text/error-report.ts';
import { applyEvent, unnamedProgress, type ScreenEvent } from '../screen/export-progress.ts';
import { FleetVm } from '../screen/lines/fleet-line.ts';
import { RateMeter } from '../screen/lines/rate-meter.ts';

const INTERVAL_MS = 1000;

/** A line without the fields that all lines have. */
type Line<Part = ProgressLine> = Part extends ProgressLine ? Omit<Part, 'time'> : never;
type Result = Extract<ProgressLine, { type: 'result' }>;

export interface ProgressLinesOptions {
  write: (line: string) => void;
  /** `export` */
  command: string;
  version: string;
  /** Removes secrets from a text. */
  clean: (text: string) => string;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** Writes what `--progress=json` prints: one JSON object per line, with a schema in docs/schemas. */
export class ProgressLines {
  readonly #options: ProgressLinesOptions & { now: () => number };
  readonly #startedAtMs: number;
  readonly #clock: NodeJS.Timeout;
  readonly #vms = new Map<string, FleetVm>();
  readonly #received = new RateMeter();
  readonly #covered = new RateMeter();
  #totals: RunTotals | undefined;

  constructor(options: ProgressLinesOptions) {
    const { now = Date.now, command, version } = options;
    this.#options = { ...options, now };
    this.#startedAtMs = now();
    this.#clock = setInterval(() => this.#progress(), INTERVAL_MS).unref();
    this.#write({ type: 'start', schemaVersion: SCHEMA_VERSION, command, version, pid: process.pid });
  }

  onEvent(event: ScreenEvent): void {
    this.#meter(event);
    switch (event.type) {
      case 'run-started':
        this.#write({ type: 'vms', job: event.job, vms: event.vms });
        return;
      case 'warning':
        this.warning(event.message, event.vm);
        return;
      case 'vm-finished': {
        const { seconds } = event.result;
        const files = 'files' in event.result ? event.result : undefined;
        const sizeBytes = files?.files.reduce((sum, file) => sum + file.sizeBytes, 0);
        this.#end({ vm: event.vm, state: 'done', output: files?.output, sizeBytes, seconds });
        return;
      }
      case 'vm-skipped':
        this.#end({ vm: event.vm, state: 'skipped', output: event.result.output });
        return;
      case 'vm-failed': {
        const state = event.error instanceof InterruptedError ? 'interrupted' : 'failed';
        this.#end({ vm: event.vm, state, error: this.#describe(event.error) });
        return;
      }
      case 'source-finished':
        this.#end({ vm: event.source, state: 'done', seconds: event.result.seconds });
        return;
      case 'source-failed':
        this.#end({ vm: event.source, state: 'failed', error: this.#describe(event.error) });
        return;
      case 'boot-test-finished':
        this.#end({ vm: event.target, state: event.failed ? 'failed' : 'done' });
        return;
      case 'vm-started':
      case 'vm-ended':
      case 'source-started':
      case 'boot-test-started':
      case 'step':
      case 'totals':
      case 'disks':
      case 'disk-started':
      case 'disk-pass':
      case 'disk-progress':
      case 'disk-complete':
      case 'disk-kept':
      case 'disk-retry':
      default:
      // Part of the next progress line.
    }
  }

  warning(message: string, vm?: string): void {
    this.#write({ type: 'warning', ...(vm === undefined ? {} : { vm }), message: this.#options.clean(message) });
  }

  /** A message that is not an event, such as the notice that a signal was received. */
  note(message: string): void {
    this.#write({ type: 'message', message: this.#options.clean(message) });
  }

  /** The last line. `error` is the error of the command. */
  end(exitCode: number, error: ErrorReport | undefined): void {
    clearInterval(this.#clock);
    this.#progress();
    this.#write({ type: 'end', exitCode, ...(error === undefined ? {} : { error: withoutDetails(error) }) });
  }

  #meter(event: ScreenEvent): void {
    const nowMs = this.#options.now();
    if (event.type === 'totals') {
      this.#totals = event.totals;
      this.#received.add(event.totals.receivedBytes, nowMs);
      this.#covered.add(event.totals.coveredBytes, nowMs);
      return;
    }
    const name = nameOf(event);
    if (name === undefined) return;
    if (isBeginning(event))
      this.#vms.set(name, new FleetVm(name, applyEvent(unnamedProgress('', nowMs), event, nowMs)));
    const vm = this.#vms.get(name);
    if (vm === undefined) return;
    applyEvent(vm.progress, event, nowMs);
    vm.meter(nowMs);
  }

  #progress(): void {
    const nowMs = this.#options.now();
    const vms = [...this.#vms.values()].map((vm) => {
      const { capacityBytes, coveredBytes, receivedBytes } = vm.asOneDisk();
      return { vm: vm.label, step: vm.progress.step, capacityBytes, coveredBytes, receivedBytes };
    });
    if (vms.length === 0 && this.#totals === undefined) return;
    this.#write({
      type: 'progress',
      elapsedSeconds: (nowMs - this.#startedAtMs) / 1000,
      ...(this.#totals === undefined ? {} : { totals: { ...this.#totals, ...this.#rates(this.#totals, nowMs) } }),
      vms,
    });
  }

  #rates({ capacityBytes, coveredBytes }: RunTotals, nowMs: number): { bytesPerSecond?: number; secondsLeft?: number } {
    const received = this.#received.perSecond(nowMs);
    const covered = this.#covered.perSecond(nowMs);
    return {
      ...(received === undefined ? {} : { bytesPerSecond: Math.round(received) }),
      ...(covered === undefined || covered <= 0
        ? {}
        : { secondsLeft: Math.round((capacityBytes - coveredBytes) / covered) }),
    };
  }

  #end({ vm, ...rest }: Omit<Line<Result>, 'type'>): void {
    this.#vms.delete(vm);
    this.#write({ type: 'result', vm, ...rest });
  }

  #describe(error: unknown): Result['error'] {
    return withoutDetails(describeError(error, this.#options.clean));
  }

  #write({ type, ...line }: Line): void {
    const time = new Date(this.#options.now()).toISOString();
    this.#options.write(`${JSON.stringify({ type, time, ...line })}\n`);
  }
}

function withoutDetails({ kind, exitCode, message, hint }: ErrorReport): NonNullable<Result['error']> {
  return { kind, exitCode, message, ...(hint === undefined ? {} : { hint }) };
}

function isBeginning({ type }: ScreenEvent): boolean {
  return type === 'vm-started' || type === 'source-started' || type === 'boot-test-started';
}

/** What an event is about: a VM, the source of a conversion, or the target of a boot test. */
function nameOf(event: ScreenEvent): string | undefined {
  if ('vm' in event) return event.vm;
  if ('source' in event) return event.source;
  return 'target' in event ? event.target : undefined;
}
