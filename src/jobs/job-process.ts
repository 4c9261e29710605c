import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { bootId } from '../base/claims/boot-id.ts';
import { errnoOf } from '../base/files/local-file-error.ts';
import type { JobProcess } from './job-record.ts';

/** This process, as its job's record names it. */
export function ownProcess(): JobProcess {
  return {
    pid: process.pid,
    hostname: hostname(),
    startTicks: processStat(process.pid)?.startTicks ?? null,
    bootId: bootId(),
    pidNamespace: pidNamespace(),
  };
}

/**
 * Whether the process of a record is over. False also when that cannot be known, as for one on another host or in another container: its record
 * is left as it stands.
 */
export function isProcessOver(job: JobProcess): boolean {
  if (job.hostname !== hostname()) return false;
  const boot = bootId();
  if (job.bootId !== null && boot !== null && job.bootId !== boot) return true;
  if (isElsewhere(job)) return false;
  if (job.startTicks === null || processStat(process.pid) === undefined) return !hasPid(job.pid);
  const stat = processStat(job.pid);
  // A zombie (Z, X) has ended; its parent only has not asked yet. Other ticks: the pid was given to another process.
  return stat === undefined || stat.startTicks !== job.startTicks || stat.state === 'Z' || stat.state === 'X';
}

/**
 * A record that a process keeps about itself, and whether that process has ended. A process writes its final state before it ends, so a record that was read before its process was
 * found to have ended may be out of date: it is read again. `processOf` is undefined for a record that nobody writes any more.
 */
export async function readWithLiveness<Kept>(
  read: () => Promise<Kept>,
  processOf: (kept: Kept) => JobProcess | undefined,
  hasEnded: (process: JobProcess) => boolean = isProcessOver,
): Promise<{ kept: Kept; hasEnded: boolean }> {
  let kept = await read();
  for (;;) {
    const owner = processOf(kept);
    if (owner === undefined || !hasEnded(owner)) return { kept, hasEnded: false };
    kept = await read();
    const next = processOf(kept);
    if (next !== undefined && isDeepStrictEqual(next, owner)) return { kept, hasEnded: true };
  }
}

/** The outcome of a request to end a process. */
export type EndRequest = 'sent' | 'over' | 'elsewhere' | 'unknown' | 'denied';

/**
 * Sends SIGTERM to the process of a record: to the very one that wrote it, told by its pid, the ticks of its start and the boot. `unknown` when that cannot be told, as
 * without /proc: a stranger might have the pid by now.
 */
export function requestEnd(job: JobProcess): EndRequest {
  if (job.hostname !== hostname() || isElsewhere(job)) return 'elsewhere';
  if (isProcessOver(job)) return 'over';
  if (job.startTicks === null || job.bootId === null || bootId() === null) return 'unknown';
  try {
    process.kill(job.pid, 'SIGTERM');
    return 'sent';
  } catch (error) {
    return errnoOf(error) === 'ESRCH' ? 'over' : 'denied';
  }
}

/** Fields 3 and 22 of /proc/PID/stat (proc(5)); undefined when there is no such process, or no /proc. */
function processStat(pid: number): { state: string; startTicks: string } | undefined {
  const text = readSmall(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // Field 2 is the command in parentheses, and may hold spaces and parentheses: the fields start after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}

/** In another container of this host, whose processes have numbers that mean nothing here. */
function isElsewhere({ pidNamespace: namespace, bootId: boot }: JobProcess): boolean {
  const own = pidNamespace();
  return boot === bootId() && namespace !== undefined && namespace !== null && own !== null && namespace !== own;
}

function pidNamespace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
}

function readSmall(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function hasPid(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return errnoOf(error) === 'EPERM';
  }
}
