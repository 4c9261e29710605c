/*
 * The long run over hostile input: `npm run fuzz`, with `-- --cases N`, `--seed S` and `--only NAME`. The cases of each
 * format run in a separate process, which is killed if a case hangs.
 * Prints one line per format. Exits with 1 if a case crashed, hung, threw an untyped error, read a file outside its
 * folder, or used too much memory.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { findOracle } from '../oracles/find-oracle.ts';
import type { FuzzFormat } from './format.ts';
import { FORMATS } from './formats.ts';
import { MOST_MS, type FuzzReport } from './run-cases.ts';

interface Message {
  number?: number;
  report?: FuzzReport;
  fault?: string;
}

/**
 * A case may use {@link MOST_MS} of processor time. A case that takes longer than this in elapsed time is run again in
 * a new process, because a busy machine may have delayed it.
 */
const HANG_MS = MOST_MS + 1000;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '20261122' },
    only: { type: 'string' },
  },
});

/** How a process ended: with a report, with a fault, or while a case hung. */
type Ended = { report: FuzzReport } | { fault: string } | { hangsIn: number };

async function runProcess({ name }: FuzzFormat, first: number, qemuImg: string): Promise<Ended> {
  const args = [name, `${first}`, values.cases, values.seed, qemuImg];
  const child = fork(new URL('case-process.ts', import.meta.url), args, {
    execArgv: ['--max-semi-space-size=4', '--max-old-space-size=512'],
  });
  let ended: Ended | undefined;
  let number = first;
  let since = Number.POSITIVE_INFINITY;
  child.on('message', (message: Message) => {
    if (message.report !== undefined) ended ??= { report: message.report };
    if (message.fault !== undefined) ended ??= { fault: message.fault };
    number = message.number ?? number;
    since = performance.now();
  });
  const watch = setInterval(() => {
    if (performance.now() - since < HANG_MS) return;
    ended ??= { hangsIn: number };
    child.kill('SIGKILL');
  }, 250);
  const { promise, resolve } = Promise.withResolvers<string>();
  child.on('exit', (code, signal) => resolve(`${code ?? signal}`));
  const how = await promise;
  clearInterval(watch);
  return ended ?? { fault: `${name}: the process ended with ${how} in case ${number} of seed ${values.seed}` };
}

/** Runs all cases of a format. If a case hangs, the run continues from that case, and the counts start there. */
async function runFormat(format: FuzzFormat, qemuImg: string): Promise<FuzzReport | string> {
  const ended = await runProcess(format, 0, qemuImg);
  if ('report' in ended) return ended.report;
  if ('fault' in ended) return ended.fault;
  console.log(`${format.name}: case ${ended.hangsIn} of seed ${values.seed} did not end, and is tried again`);
  const alone = await runProcess(format, ended.hangsIn, qemuImg);
  if ('fault' in alone) return alone.fault;
  if ('hangsIn' in alone) return `${format.name}: case ${alone.hangsIn} of seed ${values.seed} hangs`;
  return { ...alone.report, name: `${format.name}, from ${ended.hangsIn}` };
}

function line({ name, cases, refused, accepted, slowestMs, peakMib }: FuzzReport): string {
  const columns = [cases, refused, accepted, slowestMs.toFixed(0), peakMib].map((value) => `${value}`.padStart(9));
  return name.padEnd(28) + columns.join('');
}

const qemuImg = findOracle('qemu-img');
const titles = ['cases', 'refused', 'accepted', 'slow ms', 'peak MiB'].map((title) => title.padStart(9));
console.log('format'.padEnd(28) + titles.join(''));
const waiting = FORMATS.filter(({ name }) => values.only === undefined || name === values.only);
if (waiting.length === 0) throw new Error(`--only is one of: ${FORMATS.map(({ name }) => name).join(', ')}`);

async function runWaiting(): Promise<void> {
  for (let format = waiting.shift(); format; format = waiting.shift()) {
    if (format.needsQemuImg && qemuImg === undefined) {
      console.log(`${format.name.padEnd(28)} skipped: qemu-img is not installed`);
      if (process.env['REQUIRE_ORACLES'] === '1') process.exitCode = 1;
      continue;
    }
    const result = await runFormat(format, qemuImg ?? '');
    if (typeof result === 'string') {
      console.log(result);
      process.exitCode = 1;
    } else {
      console.log(line(result));
    }
  }
}

await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, runWaiting));
