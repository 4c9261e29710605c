import { formatBytes, formatCount } from '../../base/text/amounts.ts';
import type { JobView } from '../../jobs/job-record.ts';
import { safeText } from '../text/safe-text.ts';
import { renderTable } from '../text/table.ts';
import { jobWord, withoutStateWords, type JobWord } from './job-words.ts';

/** Jobs as a table: a header line, then one line per job. Of the words for final states, a line contains only that of its own job. */
export function queryTable(jobs: readonly JobView[]): string[] {
  const columns = ['JOB_ID', 'STATUS', 'PROGRESS', 'MESSAGE'].map((header) => ({ header }));
  return renderTable(
    columns,
    jobs.map((job) => {
      const word = jobWord(job);
      return [job.id, word, progressOf(job, word), plain(messageOf(job, word))];
    }),
  );
}

/** The details of one job, shown below its table. */
export function queryDetails(job: JobView): string[] {
  const word = jobWord(job);
  const { request } = job;
  const facts = [
    `VM: ${request.vms.join(', ')}`,
    `Output: ${request.output}`,
    `Server: ${request.server}`,
    `Started: ${job.startedAt}`,
    ...(job.endedAt === undefined ? [] : [`Ended: ${job.endedAt}`]),
    `Received: ${formatBytes(job.transferredBytes)}`,
    ...(job.log === undefined ? [] : [`Log: ${job.log}`]),
    ...job.files.map(({ path, sizeBytes }) => `File: ${path} (${formatBytes(sizeBytes)})`),
    ...(['failed', 'cancelled'].includes(word) ? reasonsOf(job).map((reason) => `Error: ${reason}`) : []),
    ...job.vms.flatMap(({ leftBehind = [] }) => leftBehind.map((left) => `Left on the server: ${left}`)),
  ];
  return [`Status: ${word}`, `Progress: ${progressOf(job, word)}`, ...facts.map(plain)];
}

function progressOf({ percent }: JobView, word: JobWord): string {
  return `${word === 'completed' ? 100 : (percent ?? 0)}%`;
}

function messageOf(job: JobView, word: JobWord): string {
  const running = job.vms.find(({ state }) => state === 'running');
  if (word === 'pending') return `Connecting to ${job.request.server}`;
  if (word === 'running') return `Exporting ${running?.vm ?? job.request.vms.join(', ')}`;
  if (word === 'completed') return `${formatCount(job.files.length, 'file')} written`;
  return reasonsOf(job)[0] ?? 'Ended';
}

function reasonsOf(job: JobView): string[] {
  const [own, others] = [job.error, job.vms.flatMap(({ error }) => (error === undefined ? [] : [error]))];
  const reasons = [...(own === undefined ? [] : [own]), ...others].map(({ message }) => message);
  if (job.state === 'interrupted' && job.endedAt === undefined) {
    return ['The process of the job was killed, or the host went down.', ...reasons];
  }
  return [...new Set(reasons)];
}

function plain(text: string): string {
  return withoutStateWords(safeText(text));
}
