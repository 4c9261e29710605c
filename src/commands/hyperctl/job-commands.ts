import { Hyper2kvmError } from '../../base/errors.ts';
import { readGoFlags } from '../../cli/hyperctl/go-flags.ts';
import { JOB_WORDS, jobWord, type JobWord } from '../../cli/hyperctl/job-words.ts';
import { queryDetails, queryTable } from '../../cli/hyperctl/query-report.ts';
import { statusLines } from '../../cli/hyperctl/status-report.ts';
import type { JobView } from '../../jobs/job-record.ts';
import type { HyperctlHost } from './hyperctl-host.ts';

/** `hyperctl status`: reports that it runs, and the number of jobs in each state. */
export async function status(words: readonly string[], host: HyperctlHost): Promise<void> {
  readGoFlags('hyperctl status', words, {});
  host.print(statusLines(host.version, await exportJobs(host)));
}

/** `hyperctl query [-all] [-id ID] [-status S]`: the jobs as a table, with the details of those selected by ID. */
export async function query(words: readonly string[], host: HyperctlHost): Promise<void> {
  const kinds = { all: 'boolean', id: 'string', status: 'string' } as const;
  const flags = readGoFlags('hyperctl query', words, kinds);
  const wanted = flags.status === undefined ? JOB_WORDS : listOf(flags.status).map(readWord);
  const ids = flags.id === undefined ? [] : listOf(flags.id);
  const found = flags.id === undefined ? await exportJobs(host) : await jobsWith(ids, host);
  const jobs = found.filter((job) => wanted.includes(jobWord(job)));
  if (jobs.length === 0) return host.print(['No jobs found.']);
  host.print([...queryTable(jobs), ...(ids.length === 0 ? [] : jobs.flatMap((job) => ['', ...queryDetails(job)]))]);
}

/** `hyperctl cancel -id ID[,ID]`: waits until the jobs have cleaned up on the server. */
export async function cancel(words: readonly string[], host: HyperctlHost): Promise<void> {
  const flags = readGoFlags('hyperctl cancel', words, { id: 'string' });
  const ids = listOf(flags.id ?? '');
  if (ids.length === 0) throw new Hyper2kvmError('usage', 'hyperctl cancel needs -id ID[,ID].');
  const { cancelJobs } = await import('../../operations/cancel/cancel-jobs.ts');
  const failures: unknown[] = [];
  const { env, signal } = host;
  const result = await cancelJobs({ env, ids, failures }, { signal, report: () => undefined });
  host.print(result.cancelled.map((id) => `✓ Cancelled job: ${id}`));
  if (failures.length === 1) host.failWith(failures[0]);
  else if (failures.length > 1) {
    const reasons = result.failed.map(({ error }) => error.message).join(' ');
    host.failWith(
      new Hyper2kvmError('partial', `${failures.length} of ${ids.length} jobs were not cancelled. ${reasons}`),
    );
  }
}

/** The export jobs. hyperctl has no concept of a boot test. */
async function exportJobs({ env }: HyperctlHost): Promise<JobView[]> {
  const { showJobs } = await import('../../operations/status/show-jobs.ts');
  return (await showJobs(env)).filter(({ kind }) => kind === 'export');
}

async function jobsWith(ids: readonly string[], { env }: HyperctlHost): Promise<JobView[]> {
  const { showJob } = await import('../../operations/status/show-jobs.ts');
  return Promise.all(ids.map((id) => showJob(env, id)));
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);
}

function readWord(text: string): JobWord {
  const word = JOB_WORDS.find((known) => known === text.toLowerCase());
  if (word === undefined) {
    throw new Hyper2kvmError('usage', `hyperctl query: there is no status ${JSON.stringify(text)}.`, {
      hint: `They are ${JOB_WORDS.join(', ')}.`,
    });
  }
  return word;
}
