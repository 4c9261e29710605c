import type { JobView } from '../../jobs/job-record.ts';
import type { StatusResult } from '../../operations/status/types.ts';
import type { ReplicaView } from '../../operations/sync/types.ts';
import { formatBytes, formatDuration } from '../../base/text/amounts.ts';
import { plainPaint, type Paint } from '../text/color.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';
import { shortDowntime } from './downtime-words.ts';

/** The findings about host and server, the remedies, and the recent jobs. */
export function statusReport(
  { version, findings, jobs, replicas }: StatusResult,
  width: number | undefined,
  paint: Paint = plainPaint,
  nowMs = Date.now(),
): string[] {
  const table = renderTable(
    [{ header: 'AREA' }, { header: 'CHECK' }, { header: 'LEVEL', isState: true }, { header: 'FINDING', cut: 'wrap' }],
    findings.map(({ area, check, level, detail }) => [area, check, level, detail]),
    width,
    paint,
  );
  const hints = findings.flatMap(({ check, level, hint }) =>
    level === 'ok' || hint === undefined ? [] : [`${check}: ${safeText(hint)}`],
  );
  return [
    `hyper2kvm ${version}`,
    '',
    ...table,
    ...(hints.length > 0 ? ['', ...hints] : []),
    '',
    ...(jobs.length > 0 ? jobTable(jobs, width, paint) : ['No jobs yet.']),
    ...(replicas.length > 0 ? ['', ...replicaTable(replicas, width, nowMs)] : []),
  ];
}

/** All fields of one job's record. */
export function jobReport(job: JobView): string[] {
  const { request, process: owner } = job;
  const failures = job.vms.filter((vm) => vm.error !== undefined);
  return [
    `Job ${job.id}: ${job.state}`,
    ...(request.server === '' ? [] : [`  Server   ${safeText(request.server)}`]),
    `  VMs      ${job.vms.map(({ vm, state }) => `${safeText(vm)} (${state})`).join(', ') || safeText(request.vms.join(', '))}`,
    job.kind === 'boot-test'
      ? `  Booted   ${safeText(request.output)}`
      : `  Output   ${safeText(request.output)} (${safeText(request.format)})`,
    `  Started  ${safeText(job.startedAt)} by process ${owner.pid} on ${safeText(owner.hostname)}`,
    ...(job.endedAt === undefined ? [] : [`  Ended    ${safeText(job.endedAt)}`]),
    ...(job.kind === 'boot-test' ? [] : [`  Fetched  ${formatBytes(job.transferredBytes)}`]),
    `  Record   ${safeText(job.file)}`,
    ...(job.log === undefined ? [] : [`  Log      ${safeText(job.log)}`]),
    ...job.files.map(
      (file) =>
        `  File     ${safeText(file.path)}, ${formatBytes(file.sizeBytes)}${file.sha256 === undefined ? '' : `, sha256 ${safeText(file.sha256)}`}`,
    ),
    ...(job.error === undefined ? [] : [`  Error    ${safeText(job.error.message)}`]),
    ...failures.map(({ vm, error }) => `  Error    ${safeText(vm)}: ${safeText(error?.message ?? '')}`),
    ...job.vms.flatMap(({ vm, leftOut = [] }) =>
      leftOut.length === 0 ? [] : [`  Disks    not selected of ${safeText(vm)}: ${safeText(leftOut.join(', '))}`],
    ),
    ...job.vms.flatMap(({ leftBehind }) => (leftBehind ?? []).map((left) => `  Left     ${safeText(left)}`)),
  ];
}

function jobTable(jobs: readonly JobView[], width: number | undefined, paint: Paint): string[] {
  return renderTable(
    [
      { header: 'JOB' },
      { header: 'STATE', isState: true },
      { header: 'FETCHED', align: 'right' },
      { header: 'VMS', cut: 'end' },
    ],
    jobs.map((job) => [
      job.id,
      job.state,
      job.kind === 'boot-test' ? '' : formatBytes(job.transferredBytes),
      job.request.vms.join(', '),
    ]),
    width,
    paint,
  );
}

function replicaTable(replicas: readonly ReplicaView[], width: number | undefined, nowMs: number): string[] {
  return renderTable(
    [
      { header: 'REPLICA' },
      { header: 'ROUND', align: 'right' },
      { header: 'AGE', align: 'right' },
      { header: 'NEXT ROUND', align: 'right' },
      { header: 'DOWNTIME', align: 'right' },
      { header: 'FOLDER', cut: 'middle' },
    ],
    replicas.map(({ vm, round, takenAt, nextRoundSeconds, downtime, folder, problem }) => [
      safeText(vm),
      String(round),
      takenAt === null ? '' : formatDuration((nowMs - Date.parse(takenAt)) / 1000),
      nextRoundSeconds === null ? '' : formatDuration(nextRoundSeconds),
      shortDowntime(downtime),
      safeText(problem ?? folder),
    ]),
    width,
  );
}
