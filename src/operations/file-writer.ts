import type { JobView } from '../jobs/job-record.ts';
import { listJobs } from '../jobs/job-store.ts';

/**
 * A sentence that says that a file already exists, and which recorded job wrote it. Conversions leave no job record.
 */
export async function existsSentence(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  return `${path} exists: ${await writerOf(path, env)}.`;
}

async function writerOf(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const jobs = await listJobs(env).catch((): JobView[] => []);
  const job = jobs.find(({ files }) => files.some((file) => file.path === path));
  if (job === undefined) return 'it was not written by a job that is recorded here';
  return `job ${job.id} wrote it, which exported ${job.vms.map(({ vm }) => vm).join(', ')}`;
}
