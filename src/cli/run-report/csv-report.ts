import { csvLine, formulaFree } from '../text/csv.ts';
import { safeText } from '../text/safe-text.ts';
import type { ReportItem, RunReport } from './report-rows.ts';

const COLUMNS = [
  'vm',
  'record',
  'result',
  'name',
  'source',
  'capacity_bytes',
  'size_bytes',
  'sha256',
  'seconds',
  'detail',
] as const;

type Row = Partial<Record<(typeof COLUMNS)[number], string | number | undefined>>;

/** The first line, which also identifies a report. */
export const CSV_HEADER = csvLine(COLUMNS);

/** A report as CSV (RFC 4180): a row for the run, each VM, disk, file, NIC, check, warning and error. Sizes are in bytes. */
export function csvReport(report: RunReport): string {
  const seconds = (report.endedAt.getTime() - report.startedAt.getTime()) / 1000;
  const detail = `started ${report.startedAt.toISOString()}, exit code ${report.exitCode}, version ${report.version}`;
  const rows: Row[] = [
    { record: 'run', name: report.command, seconds, detail },
    ...noteRows(report.notes),
    ...report.items.flatMap((item) => itemRows(item).map((row) => ({ vm: item.name, ...row }))),
  ];
  return CSV_HEADER + rows.map((row) => csvLine(COLUMNS.map((name) => cell(row[name])))).join('');
}

function itemRows(item: ReportItem): Row[] {
  return [
    {
      record: 'vm',
      result: item.state,
      name: item.name,
      seconds: item.seconds,
      detail: item.facts.map(([label, value]) => `${label}: ${value}`).join('; '),
    },
    ...item.disks.map(({ label, source, file, capacityBytes, sizeBytes }) => ({
      record: 'disk',
      name: label,
      source,
      capacity_bytes: capacityBytes,
      size_bytes: sizeBytes,
      detail: file,
    })),
    ...item.files.map(({ path, sizeBytes, sha256 }) => ({ record: 'file', name: path, size_bytes: sizeBytes, sha256 })),
    ...item.nics.map(({ mac, network, onVmware }) => ({ record: 'nic', name: mac, source: network, detail: onVmware })),
    ...item.checks.map(({ level, what, detail }) => ({ record: 'check', result: level, name: what, detail })),
    ...(item.picture === undefined ? [] : [{ record: 'screenshot', name: item.picture.path }]),
    ...noteRows(item.notes),
  ];
}

function noteRows(notes: ReportItem['notes']): Row[] {
  return notes.map(({ level, text }) => ({ record: level, detail: text }));
}

function cell(value: string | number | undefined): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  return formulaFree(safeText(value));
}
