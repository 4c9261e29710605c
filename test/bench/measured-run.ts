import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One run of a program, as measured by the kernel. */
export interface MeasuredRun {
  seconds: number;
  /** Additional time to flush the result to the disk, for a program that leaves it in the page cache. */
  flushSeconds: number;
  /** User and system time of the process, without its children. */
  cpuSeconds: number;
  /** Peak memory (VmHWM), in MB of 10^6 bytes. */
  peakMemoryMb: number;
}

/** Linux counts process times in hundredths of a second (USER_HZ) on every architecture that Node.js supports. */
const TICKS_PER_SECOND = 100;
const SAMPLE_EVERY_MS = 20;

/** Runs a program until it exits and samples /proc meanwhile. @throws if it fails */
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

/** Runs steps sequentially and adds up their results. */
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

/** Flushes a program's output to the disk and measures the time. hyper2kvm itself does this before it renames a file to its final name. */
export async function withFlush(run: MeasuredRun, paths: readonly string[]): Promise<MeasuredRun> {
  return { ...run, flushSeconds: (await measureRun('sync', [...paths])).seconds };
}

function secondsSince(startedAt: bigint): number {
  return Number(process.hrtime.bigint() - startedAt) / 1e9;
}

/** CPU time and peak memory of a running process. */
export function readProcess(pid: number | undefined): Pick<MeasuredRun, 'cpuSeconds' | 'peakMemoryMb'> | undefined {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // Fields 14 and 15 of proc(5) are user and system time. `stat` starts at field 3.
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
