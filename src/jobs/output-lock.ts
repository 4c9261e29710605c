import { link, lstat, open, rm } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { string, type InferOutput } from 'valibot';
import { draftPath } from '../base/files/atomic-file.ts';
import { Hyper2kvmError } from '../base/errors.ts';
import type { FileClaims } from '../base/claims/file-claim.ts';
import { errnoOf, localFileError } from '../base/files/local-file-error.ts';
import { isMissing, readOwnFile } from '../base/files/own-file.ts';
import { readRecord, recordSchema, recordText } from '../base/records/read-record.ts';
import { isProcessOver, ownProcess, readWithLiveness } from './job-process.ts';
import { JobProcessSchema } from './job-record-schema.ts';

/** The contents of a lock file: its holder. `since` is ISO 8601, UTC. */
export const LockSchema = recordSchema({ process: JobProcessSchema, job: string(), since: string() });
type LockHolder = InferOutput<typeof LockSchema>;

/** What is locked, for messages, and by which job. */
export interface LockRequest {
  /** The end of the message "Another run is …": `exporting web-01 to /srv/vms`. */
  doing: string;
  job: string;
  claims: FileClaims;
}

/** A holder that has claimed the name writes its file within milliseconds. */
const LOOKS = 20;
const LOOK_AGAIN_MS = 50;
const MOST_BYTES = 65_536;

/**
 * Takes the lock with the file `path` (absolute, in an existing folder) and holds it until disposal. Between runs of
 * one user on one host, the claim on the name decides ({@link FileClaims}); it ends with its process. The file
 * identifies the holder, and excludes other users and other hosts that share the folder. A lock of this user whose
 * process has ended is taken over. A lock of another host is never taken over, because this host cannot determine
 * whether its process has ended.
 * @throws Hyper2kvmError `busy`, with the holder and the remedy; `local-file` when the file cannot be written.
 */
export async function lockOutput(path: string, request: LockRequest): Promise<AsyncDisposable> {
  await using taken = new AsyncDisposableStack();
  let isClaimed: boolean;
  try {
    isClaimed = taken.use(await request.claims.claim(path)).isHeld;
  } catch (error) {
    if (!(error instanceof Hyper2kvmError) || error.kind !== 'busy') throw error;
    throw busy(path, await lookPatiently(path), request, error);
  }
  const text = recordText({ process: ownProcess(), job: request.job, since: new Date().toISOString() });
  await takeFile(path, text, { ...request, isClaimed });
  taken.defer(() => removeOwn(path, text));
  return taken.move();
}

async function takeFile(path: string, text: string, request: LockRequest & { isClaimed: boolean }): Promise<void> {
  for (let round = 0; round < LOOKS; round += 1) {
    if (await createWithContent(path, text)) return;
    const { kept: found, hasEnded } = await readWithLiveness(
      () => readLock(path),
      (lock) => readRecord(lock ?? '', LockSchema)?.process,
    );
    // When NFS loses a response, the retried link(2) finds the link from its own first attempt.
    if (await hasText(path, text)) return;
    if (found === undefined) continue;
    const holder = readRecord(found, LockSchema);
    if (holder === undefined || !hasEnded || !isOver(holder)) throw busy(path, holder, request);
    // Without a common claim, two runs could remove the file concurrently, and one of them would remove the other's new lock.
    if (!request.isClaimed || !(await isOfThisUser(path))) throw ended(path, holder, request);
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw localFileError('remove', path, error);
    }
  }
  throw busy(path, undefined, request);
}

/** Only runs of the same user use the same folder of claims. */
async function isOfThisUser(path: string): Promise<boolean> {
  try {
    const { uid } = await lstat(path);
    return uid === (process.geteuid?.() ?? uid);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw localFileError('access', path, error);
  }
}

/**
 * True when a holder whose process does not exist has certainly ended. Its host may have rebooted since. A lock that is
 * younger than this host's boot but has another boot ID comes from a second host with the same name.
 */
function isOver({ process: holder, since }: LockHolder): boolean {
  const startedAt = Date.now() - uptime() * 1000;
  return holder.bootId === ownProcess().bootId || Date.parse(since) < startedAt;
}

/** Creates the file with its full contents or not at all; false when it already exists. */
async function createWithContent(path: string, text: string): Promise<boolean> {
  const draft = draftPath(path);
  try {
    await write(draft, text);
    try {
      await link(draft, path);
    } catch (error) {
      // FAT, exFAT and some SMB and FUSE file systems have no hard links.
      if (errnoOf(error) === 'EEXIST') throw error;
      await write(path, text);
    }
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw localFileError('write', path, error);
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

async function write(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(path, { force: true }).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
}

/** Undefined when there is no lock; '' when it cannot be read or cannot be trusted. */
async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readOwnFile(path, { maxBytes: MOST_BYTES });
  } catch (error) {
    return isMissing(error) ? undefined : '';
  }
}

/** Works for a file of any owner: no other lock has this text, which names the job. */
async function hasText(path: string, text: string): Promise<boolean> {
  return (await readOwnFile(path, { maxBytes: MOST_BYTES, isCompared: true }).catch(() => undefined)) === text;
}

/** Someone may have removed the lock by hand, and another host may have taken it since. */
async function removeOwn(path: string, text: string): Promise<void> {
  if (await hasText(path, text)) await rm(path, { force: true }).catch(() => {});
}

/** Reads the holder of a claimed name, with retries: the file may be about to be written, or an old one about to be replaced. */
async function lookPatiently(path: string): Promise<LockHolder | undefined> {
  for (let look = 0; look < LOOKS; look += 1) {
    const holder = readRecord((await readLock(path)) ?? '', LockSchema);
    if (holder !== undefined && !isProcessOver(holder.process)) return holder;
    await pause(LOOK_AGAIN_MS);
  }
  return undefined;
}

function busy(path: string, holder: LockHolder | undefined, { doing }: LockRequest, cause?: unknown): Hyper2kvmError {
  const facts = cause === undefined ? {} : { cause };
  if (holder === undefined) {
    const hint = `Wait until it ends. If no run is active there, on any host, remove ${path}.`;
    return new Hyper2kvmError('busy', `Another run is ${doing}; its lock does not identify it.`, { hint, ...facts });
  }
  const { process: other, job, since } = holder;
  const sentence = `Another run is ${doing}: process ${other.pid} on ${other.hostname}, since ${since}, job ${job}.`;
  const hint =
    other.hostname === hostname() && other.bootId === ownProcess().bootId
      ? `Wait until it ends (hyper2kvm status --job ${job}), or choose another --output.`
      : `Wait until it ends. Only on its own host can you see whether it is still running; if it is not, remove ${path}.`;
  return new Hyper2kvmError('busy', sentence, { hint, ...facts });
}

function ended(path: string, { process: other, job, since }: LockHolder, { doing }: LockRequest): Hyper2kvmError {
  const sentence = `Another run was ${doing}: process ${other.pid}, since ${since}, job ${job}. It has ended, but its lock remains.`;
  return new Hyper2kvmError('busy', sentence, { hint: `Remove ${path}, and try again.` });
}
