import { formatBytes, formatDuration } from '../../base/text/amounts.ts';
import type { ReportItem, ReportLevel, RunReport } from './report-rows.ts';

/** A table of a report for readers. `isCode` marks columns of paths and hashes, `level` the result of a row. */
export interface ReportTable {
  caption: string;
  columns: readonly { header: string; isCode?: boolean; isNumber?: boolean }[];
  rows: readonly { cells: readonly string[]; level?: ReportLevel }[];
}

const LEVEL_WORDS: Readonly<Record<ReportLevel, string>> = {
  ok: 'ok',
  warning: 'warning',
  error: 'error',
  neutral: '–',
};

/** `Error: …`, `Warning: …`, or only the text. */
export function noteLabel(level: ReportLevel): string {
  return level === 'error' ? 'Error' : level === 'warning' ? 'Warning' : 'Note';
}

/** The tables of one VM that have rows. */
export function tablesOf(item: ReportItem): ReportTable[] {
  const tables: ReportTable[] = [
    {
      caption: 'Disks',
      columns: [
        { header: 'Disk' },
        { header: 'Source', isCode: true },
        { header: 'File', isCode: true },
        { header: 'Capacity', isNumber: true },
        { header: 'Size', isNumber: true },
      ],
      rows: item.disks.map(({ label, source, file, capacityBytes, sizeBytes }) => ({
        cells: [label, source, file, formatBytes(capacityBytes), sizeBytes === undefined ? '' : formatBytes(sizeBytes)],
      })),
    },
    {
      caption: 'Files',
      columns: [
        { header: 'Path', isCode: true },
        { header: 'Bytes', isNumber: true },
        ...(item.files.some(({ sha256 }) => sha256 !== undefined) ? [{ header: 'SHA-256', isCode: true }] : []),
      ],
      rows: item.files.map(({ path, sizeBytes, sha256 }) => ({
        cells: [path, String(sizeBytes), ...(sha256 === undefined ? [] : [sha256])],
      })),
    },
    {
      caption: 'Addresses',
      columns: [{ header: 'NIC', isCode: true }, { header: 'Network' }, { header: 'On VMware' }],
      rows: item.nics.map(({ mac, network, onVmware }) => ({ cells: [mac, network, onVmware] })),
    },
    {
      caption: 'Checks',
      columns: [{ header: 'Result' }, { header: 'Check' }, { header: 'Finding' }],
      rows: item.checks.map(({ level, what, detail }) => ({ cells: [LEVEL_WORDS[level], what, detail], level })),
    },
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** `hyper2kvm export: 3 VMs, 1 failed`: the title of a report. */
export function titleOf({ command, items }: RunReport): string {
  const [first] = items;
  if (first === undefined) return command;
  if (items.length === 1) return `${command}: ${first.name}`;
  const ends = ['failed', 'boot test failed', 'interrupted'].flatMap((end) => {
    const count = items.filter(({ state }) => state === end).length;
    return count === 0 ? [] : [`${count} ${end}`];
  });
  return [`${command}: ${items.length} VMs`, ...ends].join(', ');
}

/** The facts of the run, with its times in UTC. */
export function allRunFacts({ startedAt, endedAt, exitCode, version, facts }: RunReport): RunReport['facts'] {
  return [
    ['Started', timeWords(startedAt)],
    ['Ended', timeWords(endedAt)],
    ['Time', formatDuration((endedAt.getTime() - startedAt.getTime()) / 1000)],
    ...facts,
    ['Exit code', String(exitCode)],
    ['Version', version],
  ];
}

function timeWords(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
