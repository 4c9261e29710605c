import { readFile } from 'node:fs/promises';
import { Hyper2kvmError } from '../errors.ts';

/** Node itself uses about 24. With its threads, connections and files, the export of one VM uses up to 50. */
const LEAST_OPEN_FILES = 64;

/**
 * Checks that the soft limit for open files is high enough for disks. Otherwise the limit could be exceeded at any
 * point of the work, and Node reports some of these failures without a cause. proc(5) contains the limit of this
 * process; if it cannot be read, nothing is checked.
 * @throws Hyper2kvmError kind `host` if the limit is too low.
 */
export async function requireOpenFiles(limits = '/proc/self/limits'): Promise<void> {
  const text = await readFile(limits, 'utf8').catch(() => '');
  const soft = /^Max open files +(\d+)/m.exec(text)?.[1];
  if (soft === undefined || Number(soft) >= LEAST_OPEN_FILES) return;
  throw new Hyper2kvmError('host', `The limit of open files is ${soft}, but at least ${LEAST_OPEN_FILES} are needed.`, {
    hint: 'Raise it: ulimit -n 1024.',
  });
}
