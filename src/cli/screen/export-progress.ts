import type { ConvertEvent, ConvertResult, DiskPass } from '../../operations/convert/types.ts';
import type { ExportEvent } from '../../operations/export/types.ts';
import { RateMeter } from './lines/rate-meter.ts';
import type { CutoverEvent } from '../../operations/cutover/types.ts';
import type { SyncEvent } from '../../operations/sync/types.ts';
import type { ExportStep } from '../../operations/events.ts';

/**
 * The events that a screen receives: those of an export, some of which a conversion also reports. A conversion has a
 * source instead of a VM: its command reports where it begins and ends, and shows the error itself. The same holds for
 * a boot test.
 */
export type ScreenEvent =
  | ExportEvent
  | ConvertEvent
  /** A VM of a followed job has ended: its record has no more than the state. */
  | { type: 'vm-ended'; vm: string; state: 'done' | 'skipped' | 'failed' | 'interrupted' }
  | SyncEvent
  | CutoverEvent
  | { type: 'source-started'; source: string }
  | { type: 'source-finished'; source: string; result: ConvertResult }
  | { type: 'source-failed'; source: string; error: unknown }
  | { type: 'boot-test-started'; target: string }
  /** `words` describes the verdict. */
  | { type: 'boot-test-finished'; target: string; failed: boolean; words: string };

/** The display state of a disk. */
export interface DiskProgress {
  disk: string;
  capacityBytes: number;
  /** During `hashing` and `verifying`, the progress is that of reading the source's file and the result. */
  phase: 'waiting' | 'hashing' | 'running' | 'retrying' | 'verifying' | 'complete' | 'kept';
  receivedBytes: number;
  coveredBytes: number;
  /** 1 for the first attempt. */
  attempt: number;
  received: RateMeter;
  covered: RateMeter;
  /** For a disk that is complete or kept. */
  sizeBytes: number;
  seconds: number;
  retry: { attempt: number; attempts: number; untilMs: number; reason: string } | undefined;
}

/** The display state of a VM being exported, of a source being converted, or of a part of the run without either. */
export interface VmProgress {
  vm: string | undefined;
  work: 'export' | 'convert';
  /** The VM's name, with its position among several. */
  headline: string;
  step: ExportStep;
  detail: string;
  stepSinceMs: number;
  disks: Map<string, DiskProgress>;
  warnings: string[];
  /** Messages besides the events. */
  notes: string[];
}

/** The state for a part of the run without a VM: before the first one, and after one has finished. */
export function unnamedProgress(headline: string, nowMs: number): VmProgress {
  return vmProgress(undefined, headline, nowMs);
}

/** Applies one event to the state, and returns the current state: a new one when a VM begins. */
export function applyEvent(state: VmProgress, event: ScreenEvent, nowMs: number): VmProgress {
  if ('disk' in event) {
    applyDiskEvent(state, event, nowMs);
    if (state.work === 'convert') tellPass(state, nowMs);
    return state;
  }
  switch (event.type) {
    case 'vm-started':
      return vmProgress(event.vm, headlineOf(event), nowMs);
    case 'source-started':
      return conversionProgress(event.source, nowMs);
    case 'boot-test-started':
      return Object.assign(vmProgress(event.target, event.target, nowMs), { step: 'boot-test', detail: '' });
    case 'step':
      return Object.assign(state, { step: event.step, detail: event.detail, stepSinceMs: nowMs });
    case 'warning':
      state.warnings.push(event.message);
      return state;
    case 'disks':
      for (const { disk, capacityBytes } of event.disks) diskOf(state, disk, capacityBytes);
      if (state.work === 'convert') tellPass(state, nowMs);
      return state;
    case 'vm-ended':
    case 'run-started':
    case 'totals':
    case 'vm-finished':
    case 'vm-skipped':
    case 'vm-failed':
    case 'source-finished':
    case 'source-failed':
    case 'boot-test-finished':
    default:
      return state;
  }
}

/** The events about one disk. */
export type DiskEvent = Extract<ScreenEvent, { disk: string }>;

function applyDiskEvent(state: VmProgress, event: DiskEvent, nowMs: number): void {
  const disk = diskOf(state, event.disk);
  switch (event.type) {
    case 'disk-started':
      // A new attempt starts at byte 0: keeping the old rates would make progress go backwards.
      Object.assign(disk, diskProgress(event.disk, event.capacityBytes), { phase: 'running', attempt: event.attempt });
      disk.received.add(0, nowMs);
      disk.covered.add(0, nowMs);
      return;
    case 'disk-pass':
      Object.assign(disk, diskProgress(event.disk, disk.capacityBytes), { phase: PHASES[event.pass] });
      disk.received.add(0, nowMs);
      disk.covered.add(0, nowMs);
      return;
    case 'disk-progress':
      if (!isRunning(disk)) disk.phase = 'running';
      Object.assign(disk, { receivedBytes: event.receivedBytes, coveredBytes: event.coveredBytes });
      disk.received.add(event.receivedBytes, nowMs);
      disk.covered.add(event.coveredBytes, nowMs);
      return;
    case 'disk-retry':
      disk.phase = 'retrying';
      disk.retry = { ...event, untilMs: nowMs + event.waitMs };
      return;
    case 'disk-complete':
      Object.assign(disk, { phase: 'complete', sizeBytes: event.sizeBytes, seconds: event.seconds });
      return;
    case 'disk-kept':
      Object.assign(disk, { phase: 'kept', sizeBytes: event.sizeBytes });
  }
}

const PHASES = { hash: 'hashing', copy: 'running', 'read-back': 'verifying' } as const satisfies Record<
  DiskPass,
  string
>;

/** True while data of the disk is being processed. */
export function isRunning({ phase }: DiskProgress): boolean {
  return phase === 'running' || phase === 'hashing' || phase === 'verifying';
}

/** The completed share of a disk's capacity, from 0 to 1. Only a complete disk is at 1. */
export function shareOf(disk: DiskProgress): number {
  if (disk.phase === 'complete' || disk.phase === 'kept') return 1;
  return disk.capacityBytes > 0 ? Math.min(disk.coveredBytes / disk.capacityBytes, 0.999) : 0;
}

/** Seconds until the disk is complete, at the current rate of capacity; undefined while the rate is unknown. */
export function secondsLeft(disk: DiskProgress, nowMs: number): number | undefined {
  const rate = disk.covered.perSecond(nowMs);
  if (!isRunning(disk) || rate === undefined || rate <= 0) return undefined;
  return Math.max(0, disk.capacityBytes - disk.coveredBytes) / rate;
}

function headlineOf({ vm, index, count }: Extract<ExportEvent, { type: 'vm-started' }>): string {
  return count > 1 ? `${vm} (${index + 1} of ${count})` : vm;
}

function vmProgress(vm: string | undefined, headline: string, nowMs: number): VmProgress {
  return {
    vm,
    work: 'export',
    headline,
    step: 'connect',
    detail: '',
    stepSinceMs: nowMs,
    disks: new Map(),
    warnings: [],
    notes: [],
  };
}

/** An archive may have to be read to its end before its disks are known. */
function conversionProgress(source: string, nowMs: number): VmProgress {
  const state = vmProgress(source, source, nowMs);
  return Object.assign(state, { work: 'convert', step: 'preflight', detail: 'Inspecting the source' });
}

/**
 * Derives the step of a conversion from the phases of its disks. Disks that are being converted take precedence,
 * because the others are just before or after that phase.
 */
function tellPass(state: VmProgress, nowMs: number): void {
  const phases = new Set([...state.disks.values()].map(({ phase }) => phase));
  const words =
    phases.has('running') || !(phases.has('hashing') || phases.has('verifying'))
      ? ({ step: 'download', detail: 'Converting' } as const)
      : phases.has('hashing')
        ? ({ step: 'verify', detail: 'Checking hashes of the manifest' } as const)
        : ({ step: 'verify', detail: 'Reading back' } as const);
  if (state.detail !== words.detail) Object.assign(state, { ...words, stepSinceMs: nowMs });
}

function diskOf(state: VmProgress, name: string, capacityBytes = 0): DiskProgress {
  const disk = state.disks.get(name) ?? diskProgress(name, capacityBytes);
  state.disks.set(name, disk);
  return disk;
}

function diskProgress(disk: string, capacityBytes: number): DiskProgress {
  return {
    disk,
    capacityBytes,
    phase: 'waiting',
    receivedBytes: 0,
    coveredBytes: 0,
    attempt: 1,
    received: new RateMeter(),
    covered: new RateMeter(),
    sizeBytes: 0,
    seconds: 0,
    retry: undefined,
  };
}
