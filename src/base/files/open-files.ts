import { readFile } from 'node:fs/promises';
import { Hyper2kvmError } from '../errors.ts';

/** Node itself takes about 24; with its threads, connections and files an export of one VM takes up to 50. */
const LEAST_OPEN_FILES = 64;

/**
 * Throws kind `host` where the soft limit of open files is too small for disks: it would be met at any point of the work, some of which Node reports without a cause. The limit of this
 * process is in proc(5); where that cannot be read, nothing is known and nothing thrown.
 */
export async function requireOpenFiles(limits = '/proc/self/limits'): Promise<void> {
  const text = await readFile(limits, 'utf8').catch(() => '');
  const soft = /^Max open files +(\d+)/m.exec(text)?.[1];
  if (soft === undefined || Number(soft) >= LEAST_OPEN_FILES) return;
  throw new Hyper2kvmError('host', `The limit of open files is ${soft}, but at least ${LEAST_OPEN_FILES} are needed.`, {
    hint: 'Raise it: ulimit -n 1024.',
  });
}
