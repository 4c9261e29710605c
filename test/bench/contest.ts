import { cpus } from 'node:os';
import { median, type MeasuredRun } from './measured-run.ts';

/** A program with a job. All of a contest run in turn, so that what else the machine does meets each alike. */
export interface Contestant {
  title: string;
  /** The title of the contestant that the ratios are to. */
  peer?: string;
  run: () => Promise<MeasuredRun>;
  /** Holds the last result against what it must be; not measured. */
  check?: () => Promise<void>;
}

interface Result extends Pick<Contestant, 'title' | 'peer'> {
  seconds: number;
  /** With the result on the disk. */
  flushedSeconds: number;
  cpuSeconds: number;
  peakMemoryMb: number;
}

const COLUMNS = ['', 's', 's, flushed', 'wall', 'wall, flushed', 'processor s', 'processor', 'peak MB'];

/** Runs the contestants in turn, `runs` times, and checks what came out of the last round. */
export async function compete(contestants: readonly Contestant[], runs: number): Promise<Result[]> {
  const measured = contestants.map(({ title, peer }) => ({ title, peer, all: [] as MeasuredRun[] }));
  for (let round = 1; round <= runs; round += 1) {
    for (const [index, { title, run, check }] of contestants.entries()) {
      process.stderr.write(`${round}/${runs} ${title}\n`);
      measured[index]?.all.push(await run());
      if (round === runs) await check?.();
    }
  }
  return measured.map(({ title, peer, all }) => ({
    title,
    ...(peer === undefined ? {} : { peer }),
    seconds: median(all.map(({ seconds }) => seconds)),
    flushedSeconds: median(all.map(({ seconds, flushSeconds }) => seconds + flushSeconds)),
    cpuSeconds: median(all.map(({ cpuSeconds }) => cpuSeconds)),
    peakMemoryMb: Math.max(...all.map(({ peakMemoryMb }) => peakMemoryMb)),
  }));
}

/** What a reader has to know of the machine. */
export function describeHost(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
}

/** The results as a table of Markdown. Ratios are ours to the peer's: under 1 is better. */
export function contestTable(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const peer = results.find(({ title }) => title === result.peer);
    const ratio = (own: number, its: number | undefined) => (its === undefined ? '' : (own / its).toFixed(2));
    return [
      result.title,
      result.seconds.toFixed(2),
      result.flushedSeconds.toFixed(2),
      ratio(result.seconds, peer?.seconds),
      ratio(result.flushedSeconds, peer?.flushedSeconds),
      result.cpuSeconds.toFixed(2),
      ratio(result.cpuSeconds, peer?.cpuSeconds),
      result.peakMemoryMb.toFixed(0),
    ];
  });
  return markdownTable(COLUMNS, rows);
}

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
