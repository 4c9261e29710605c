import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One run of a program, as the kernel counts it. */
export interface MeasuredRun {
  seconds: number;
  /** What it took after that to bring the result to the disk, for a program that leaves it in the page cache. */
  flushSeconds: number;
  /** User and system time of the process itself. */
  cpuSeconds: number;
  /** The most memory that it held at once (VmHWM), in MB of 10^6 bytes. */
  peakMemoryMb: number;
}

/** Linux counts process times in hundredths of a second (USER_HZ) on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const SAMPLE_EVERY_MS = 20;

/** Runs a program to its end, sampling /proc meanwhile. @throws when it fails. */
export async function measureRun(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<MeasuredRun> {
  const startedAt = process.hrtime.bigint();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => (said += text));
  const sample = { cpuSeconds: 0, peakMemoryMb: 0 };
  const sampler = setInterval(() => Object.assign(sample, readProcess(child.pid) ?? {}), SAMPLE_EVERY_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => clearInterval(sampler));
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${said}`);
  return { seconds: secondsSince(startedAt), flushSeconds: 0, ...sample };
}

/** Runs steps one after the other and counts them as one. */
export async function measureSteps(...steps: (() => Promise<MeasuredRun>)[]): Promise<MeasuredRun> {
  const sum = { seconds: 0, flushSeconds: 0, cpuSeconds: 0, peakMemoryMb: 0 };
  for (const step of steps) {
    const run = await step();
    sum.seconds += run.seconds;
    sum.flushSeconds += run.flushSeconds;
    sum.cpuSeconds += run.cpuSeconds;
    sum.peakMemoryMb = Math.max(sum.peakMemoryMb, run.peakMemoryMb);
  }
  return sum;
}

/** Brings what a program has written to the disk, and counts how long that takes: hyper2kvm does so itself before a file gets its name. */
export async function withFlush(run: MeasuredRun, paths: readonly string[]): Promise<MeasuredRun> {
  return { ...run, flushSeconds: (await measureRun('sync', [...paths])).seconds };
}

function secondsSince(startedAt: bigint): number {
  return Number(process.hrtime.bigint() - startedAt) / 1e9;
}

function readProcess(pid: number | undefined): Pick<MeasuredRun, 'cpuSeconds' | 'peakMemoryMb'> | undefined {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // Fields 14 and 15 of proc(5): user and system time; two fields and the name stand before the rest.
    const ticks = Number(stat[11]) + Number(stat[12]);
    if (peak === undefined) return undefined;
    return { cpuSeconds: ticks / TICKS_PER_SECOND, peakMemoryMb: (Number(peak) * 1024) / 1e6 };
  } catch {
    return undefined;
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
