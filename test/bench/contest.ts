import { cpus } from 'node:os';
import { median, type MeasuredRun } from './measured-run.ts';

/** A program with a task. All contestants of a contest run in turn, so that other load on the machine affects them equally. */
export interface Contestant {
  title: string;
  /** The title of the contestant that the ratios refer to. */
  peer?: string;
  run: () => Promise<MeasuredRun>;
  /** Checks the last result. Not measured. */
  check?: () => Promise<void>;
}

interface Result extends Pick<Contestant, 'title' | 'peer'> {
  seconds: number;
  /** Wall time, including the time to flush the result to the disk. */
  flushedSeconds: number;
  cpuSeconds: number;
  peakMemoryMb: number;
}

const COLUMNS = ['', 's', 's, flushed', 'wall', 'wall, flushed', 'processor s', 'processor', 'peak MB'];

/** Runs the contestants in turn, `runs` times, and checks the results of the last round. */
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

/** Returns the properties of the machine that matter for the results. */
export function describeHost(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
}

/** Formats the results as a Markdown table. Each ratio is own time to peer time, so values below 1 are better. */
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
