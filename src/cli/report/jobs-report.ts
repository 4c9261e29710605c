import { formatBytes, formatCount, formatDuration } from '../../base/text/amounts.ts';
import { shortId } from '../../base/text/short-id.ts';
import type { JobView } from '../../jobs/job-record.ts';
import { plainPaint, type Paint } from '../text/color.ts';
import { renderTable, type TableColumn } from '../text/table.ts';

interface JobColumn extends TableColumn {
  /** Shown only from this terminal width on. */
  fromWidth: number;
  cell: (job: JobView) => string;
}

/** The jobs as a table, in as many columns as fit, and how many there are. `limit` is the number of rows. */
export function jobsReport(
  jobs: readonly JobView[],
  { limit, width, now, paint = plainPaint }: { limit: number; width: number | undefined; now: Date; paint?: Paint },
): string[] {
  if (jobs.length === 0) return ['No jobs.'];
  const shown = jobs.slice(0, limit);
  const columns = columnsFor(jobs, now).filter(({ fromWidth }) => width === undefined || width >= fromWidth);
  const table = renderTable(
    columns,
    shown.map((job) => columns.map(({ cell }) => cell(job))),
    width,
    paint,
  );
  const running = jobs.filter(({ state }) => state === 'running').length;
  const counts = [
    shown.length < jobs.length
      ? `${shown.length} of ${formatCount(jobs.length, 'job')} (--limit)`
      : formatCount(jobs.length, 'job'),
    ...(running === 0 ? [] : [`${running} running`]),
  ];
  return [...table, `${counts.join(', ')}. Details: hyper2kvm jobs show ID`];
}

function columnsFor(jobs: readonly JobView[], now: Date): JobColumn[] {
  return [
    { header: 'ID', fromWidth: 0, cell: ({ id }) => listedId(id, jobs) },
    { header: 'STATE', isState: true, fromWidth: 0, cell: stateOf },
    { header: 'KIND', fromWidth: 100, cell: ({ kind }) => kind },
    { header: 'STARTED (UTC)', fromWidth: 60, cell: ({ startedAt }) => startedAt.slice(0, 16).replace('T', ' ') },
    { header: 'TIME', align: 'right', fromWidth: 72, cell: (job) => timeOf(job, now) },
    {
      header: 'FETCHED',
      align: 'right',
      fromWidth: 80,
      cell: ({ kind, transferredBytes }) => (kind === 'boot-test' ? '' : formatBytes(transferredBytes)),
    },
    { header: 'VMS', cut: 'end', fromWidth: 0, cell: ({ request }) => request.vms.join(', ') },
  ];
}

/** The random part of an ID, or all of it if another job has the same one. */
function listedId(id: string, jobs: readonly JobView[]): string {
  const short = shortId(id);
  return jobs.filter((job) => shortId(job.id) === short).length === 1 ? short : id;
}

function stateOf({ state, percent }: JobView): string {
  return state === 'running' && percent !== undefined ? `running ${percent}%` : state;
}

/** How long the job took, or has been running. Unknown for a process that was killed. */
function timeOf({ state, startedAt, endedAt }: JobView, now: Date): string {
  const end = endedAt === undefined ? (state === 'running' ? now : undefined) : new Date(endedAt);
  return end === undefined ? '' : formatDuration((end.valueOf() - Date.parse(startedAt)) / 1000);
}
