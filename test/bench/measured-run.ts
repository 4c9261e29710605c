import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One run of a program, as the kernel counts it. */
export interface MeasuredRun {
  seconds: number;
  /** User and system time of the process itself. */
  cpuSeconds: number;
  /** The most memory that it held at once (VmHWM), in MB of 10^6 bytes. */
  peakMemoryMb: number;
}

/** Linux counts process times in hundredths of a second (USER_HZ) on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const SAMPLE_EVERY_MS = 20;

/** Runs a program to its end, sampling /proc meanwhile. @throws when it fails. */
export async function measureRun(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<MeasuredRun> {
  const startedAt = process.hrtime.bigint();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const sample = { cpuSeconds: 0, peakMemoryMb: 0 };
  const sampler = setInterval(() => Object.assign(sample, readProcess(child.pid) ?? {}), SAMPLE_EVERY_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearInterval(sampler);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${errors}`);
  return { seconds: Number(process.hrtime.bigint() - startedAt) / 1e9, ...sample };
}

function readProcess(pid: number | undefined): Omit<MeasuredRun, 'seconds'> | undefined {
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
