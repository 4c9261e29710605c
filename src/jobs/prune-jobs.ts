import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { timeOfId } from './job-record-text.ts';

/** When a job starts, the oldest records beyond this number are removed. */
export const KEPT_RECORDS = 200;
/** Records of jobs that began longer ago are also removed. */
export const KEPT_DAYS = 90;

const DAY_MS = 24 * 3_600_000;
const LOG_SUFFIX = '.log';

/**
 * Removes records that are too many or too old, with the logs and folders of their jobs. Never removes the record of a
 * job that runs, or that may run on another host. `ids` are those of all records, newest first. Best effort: the next
 * job tries again.
 */
export async function pruneJobs(
  folder: string,
  { now, ids, isRunning }: { now: Date; ids: readonly string[]; isRunning: (id: string) => Promise<boolean> },
): Promise<void> {
  const isOld = (id: string): boolean => now.valueOf() - (timeOfId(id)?.valueOf() ?? Infinity) > KEPT_DAYS * DAY_MS;
  const surplus = ids.filter((id, index) => index >= KEPT_RECORDS || isOld(id));
  await Promise.all(surplus.map((id) => removeJob(folder, id, isRunning).catch(() => {})));
  // A job that ended before it had a record has left only its log.
  const names = await readdir(folder).catch((): string[] => []);
  const known = new Set(ids);
  const logs = names.filter((name) => name.endsWith(LOG_SUFFIX)).map((name) => name.slice(0, -LOG_SUFFIX.length));
  const orphans = logs.filter((id) => !known.has(id) && isOld(id));
  await Promise.all(orphans.map((id) => rm(join(folder, id + LOG_SUFFIX), { force: true }).catch(() => {})));
}

async function removeJob(folder: string, id: string, isRunning: (id: string) => Promise<boolean>): Promise<void> {
  if (await isRunning(id)) return;
  await rm(join(folder, id), { recursive: true, force: true });
  await rm(join(folder, id + LOG_SUFFIX), { force: true });
  await rm(join(folder, `${id}.json`));
}
