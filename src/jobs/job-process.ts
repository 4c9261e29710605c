import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { bootId } from '../base/claims/boot-id.ts';
import { errnoOf } from '../base/files/local-file-error.ts';
import type { JobProcess } from './job-record.ts';

/** This process, in the form stored in its job record. */
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
 * True when the process of a record has certainly ended. False when this cannot be determined, as for a process on
 * another host or in another container: its record stays unchanged.
 */
export function isProcessOver(job: JobProcess): boolean {
  if (job.hostname !== hostname()) return false;
  const boot = bootId();
  if (job.bootId !== null && boot !== null && job.bootId !== boot) return true;
  if (isElsewhere(job)) return false;
  if (job.startTicks === null || processStat(process.pid) === undefined) return !hasPid(job.pid);
  const stat = processStat(job.pid);
  // A zombie (Z, X) has ended; its parent has not collected it yet. Different start ticks: the PID belongs to another process.
  return stat === undefined || stat.startTicks !== job.startTicks || stat.state === 'Z' || stat.state === 'X';
}

/**
 * Reads a record that a process keeps about itself, and whether that process has ended. A process writes its final
 * state before it ends. A record read before its process was found to have ended may be out of date, so it is read
 * again. `processOf` returns undefined for a record that is no longer written.
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

/** The outcome of a request to terminate a process. */
export type EndRequest = 'sent' | 'over' | 'elsewhere' | 'unknown' | 'denied';

/**
 * Sends SIGTERM to exactly the process that wrote a record, identified by PID, start ticks and boot ID. Returns
 * `unknown` when it cannot be identified, for example without /proc: the PID may have been reused.
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
  // Field 2 is the command in parentheses, which may contain spaces and parentheses: the other fields start after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}

/** True for a process in another container on this host, whose PIDs have no meaning here. */
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
    // EPERM: the process exists and belongs to another user.
    return errnoOf(error) === 'EPERM';
  }
}
