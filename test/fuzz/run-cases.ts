import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hyper2kvmError } from '../../src/base/errors.ts';
import type { FuzzFormat } from './format.ts';
import { withProcessorTime } from './processor-time.ts';
import { seededRandom } from './random.ts';

const MIB = 2 ** 20;

/** Limits from the issue: a case may use 5 s of processor time and allocate 256 MB. */
export const MOST_MS = 5000;
export const MOST_MIB = 256;

export interface FuzzReport {
  name: string;
  cases: number;
  refused: number;
  accepted: number;
  /** In milliseconds of processor time. */
  slowestMs: number;
  /** The peak growth of the process. */
  peakMib: number;
}

export interface FuzzRun {
  format: FuzzFormat;
  /** The number of the first case. The default is 0. */
  first?: number;
  cases: number;
  seed: number;
  qemuImg: string;
  /** Called and awaited before each case. */
  onCase?: (number: number) => Promise<void>;
}

/**
 * Reads the damaged inputs from number `first` up to `cases`. Each case has its own random numbers, so that a single
 * case can be reproduced.
 * @throws for a case that breaks the contract; the message names the case
 */
export async function runCases({ format, first = 0, cases, seed, qemuImg, onCase }: FuzzRun): Promise<FuzzReport> {
  const report: FuzzReport = {
    name: format.name,
    cases: cases - first,
    refused: 0,
    accepted: 0,
    slowestMs: 0,
    peakMib: 0,
  };
  const above = await mkdtemp(join(tmpdir(), 'h2k-fuzz-'));
  try {
    // The target of `../secret.bin`.
    await writeFile(join(above, 'secret.bin'), Buffer.alloc(4096, 1));
    const folder = join(above, 'inputs');
    await mkdir(folder);
    const runCase = await format.prepare(folder, qemuImg);
    const [openBefore, memory] = [openFiles(), new MemoryWatch()];
    for (let number = first; number < cases; number++) {
      await onCase?.(number);
      try {
        const input = (): Promise<void> => runCase(seededRandom(seed * 1_000_003 + number));
        const { result, ms } = await withProcessorTime(() => outcomeOf(format, input));
        if (ms > MOST_MS) throw new Error(`it took ${Math.round(ms)} ms`);
        report[result] += 1;
        report.slowestMs = Math.max(report.slowestMs, ms);
        report.peakMib = memory.peakMib();
        if (report.peakMib > MOST_MIB) throw new Error(`the process grew by ${report.peakMib} MiB`);
      } catch (cause) {
        throw new Error(`${format.name}: case ${number} of seed ${seed}`, { cause });
      }
    }
    if (openFiles() > openBefore) throw new Error(`${format.name}: ${openFiles() - openBefore} files were left open`);
    return report;
  } finally {
    await rm(above, { recursive: true });
  }
}

async function outcomeOf(
  { refusedAs = ['image'] }: FuzzFormat,
  run: () => Promise<void>,
): Promise<'accepted' | 'refused'> {
  try {
    await run();
    return 'accepted';
  } catch (error) {
    if (error instanceof Hyper2kvmError && refusedAs.includes(error.kind)) return 'refused';
    throw error;
  }
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

/**
 * Measures the growth of the process: the peak of its resident memory as the kernel reports it, or allocated buffers
 * that were never accessed.
 */
class MemoryWatch {
  readonly #startRss = highestRss();
  readonly #startBuffers = process.memoryUsage().external;
  #peak = 0;

  peakMib(): number {
    const grown = Math.max(highestRss() - this.#startRss, process.memoryUsage().external - this.#startBuffers);
    this.#peak = Math.max(this.#peak, Math.ceil(grown / MIB));
    return this.#peak;
  }
}

function highestRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}
