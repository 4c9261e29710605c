import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { kindOfCode } from '../../base/exit-codes.ts';
import { withoutPassword } from '../../base/text/secret.ts';
import { listJobIds, readJob } from '../../jobs/job-store.ts';
import { reserveJob, type ReservedJob } from '../../jobs/reserve-job.ts';
import { jobOutcome } from '../status/job-outcome.ts';
import { HANDOVER_VARIABLE, type DetachedJob, type Handed, type OwnProgram } from './types.ts';

export interface DetachOptions {
  program: OwnProgram;
  /** The command and its flags for the detached process. Contains no secrets. */
  words: readonly string[];
  handed: Pick<Handed, 'password' | 'vms'>;
  env: NodeJS.ProcessEnv;
  /**
   * Also return a job that could not begin, if its record contains the reason: callers of hyperctl read the outcome
   * of a job from the record.
   */
  acceptsFailed?: boolean;
}

/** These are passed through the pipe instead, and so is the password in one of {@link URLS}. */
const PASSWORDS: ReadonlySet<string> = new Set(['HYPER2KVM_PASSWORD', 'GOVC_PASSWORD']);
const URLS: ReadonlySet<string> = new Set(['HYPER2KVM_URL', 'GOVC_URL']);
/** The file descriptor of the handover in the child. */
const CHANNEL = 3;
const MOST_SHOWN_CHARACTERS = 2000;

/**
 * Starts an export in its own process and session, with its output in a log next to the job record. Returns once the
 * job has begun.
 * @throws the error that ended a job before it could begin, with its exit code; the signal's reason, after that
 * process has also ended.
 */
export async function startDetached(options: DetachOptions, signal: AbortSignal): Promise<DetachedJob> {
  signal.throwIfAborted();
  const reserved = await reserveJob(options.env, 'export');
  try {
    // No `await` from here until the signal has a listener.
    signal.throwIfAborted();
    const child = spawnDetached(options, reserved);
    const { pid } = child;
    await started(child, { ...options.handed, id: reserved.id, log: reserved.log }, signal);
    child.unref();
    return { job: reserved.id, pid: pid ?? 0, log: reserved.log };
  } catch (error) {
    // The record and log of a job that could not begin stay, as for any failed job.
    const hasRecord = (await listJobIds(options.env).catch((): string[] => [])).includes(reserved.id);
    if (hasRecord && error instanceof EarlyEnd && options.acceptsFailed === true) {
      return { job: reserved.id, pid: 0, log: reserved.log };
    }
    const outcome = hasRecord ? jobOutcome(await readJob(options.env, reserved.id)) : undefined;
    const failure = error instanceof EarlyEnd ? (outcome ?? (await describeEnd(error, reserved.log))) : error;
    if (!hasRecord) await reserved.withdraw();
    throw failure;
  } finally {
    await reserved.close();
  }
}

function spawnDetached({ program, words, env }: DetachOptions, { descriptor }: ReservedJob): ChildProcess {
  const others = Object.entries(env)
    .filter(([name]) => !PASSWORDS.has(name))
    .map(([name, value]) => [name, URLS.has(name) && value !== undefined ? withoutPassword(value) : value]);
  return spawn(program.file, [...program.args, ...words], {
    env: { ...Object.fromEntries(others), [HANDOVER_VARIABLE]: String(CHANNEL) },
    // The process gets its own session, so that closing a terminal cannot end it.
    detached: true,
    stdio: ['ignore', descriptor, descriptor, 'pipe'],
  });
}

/** Hands over the data and waits for the message that the job has begun. */
async function started(child: ChildProcess, handed: Handed, signal: AbortSignal): Promise<void> {
  const exit = once(child, 'exit').then(([code, by]: (number | string | null)[]) => ({ code, by }));
  // `exit` rejects with the error of `spawn`, which is handled elsewhere.
  exit.catch(() => undefined);
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  try {
    await once(child, 'spawn').catch((cause: unknown) => {
      throw new Hyper2kvmError('host', `${child.spawnfile} could not be started again: ${sentenceOf(cause)}.`, {
        cause,
      });
    });
    const channel = channelOf(child);
    channel.on('error', () => undefined);
    channel.end(JSON.stringify({ ...handed, password: handed.password.reveal() }));
    if ((await text(channel).catch(() => '')) === 'started\n') return signal.throwIfAborted();
    const { code, by } = await exit;
    signal.throwIfAborted();
    throw new EarlyEnd(code, by);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function channelOf(child: ChildProcess): Duplex {
  // Node provides a duplex stream for 'pipe' at every position, since its pipes are Unix sockets; its type declares
  // one direction only.
  const channel = child.stdio[CHANNEL];
  if (channel instanceof Duplex) return channel;
  throw new TypeError('the detached process has no channel');
}

/** The process ended before its job had begun. */
class EarlyEnd extends Error {
  readonly code: number | string | null | undefined;
  readonly by: number | string | null | undefined;

  constructor(code: EarlyEnd['code'], by: EarlyEnd['by']) {
    super('The process ended before the job started.');
    this.code = code;
    this.by = by;
  }
}

async function describeEnd({ code, by }: EarlyEnd, log: string): Promise<Hyper2kvmError> {
  const said = await readFile(log, 'utf8').catch((error: unknown) => sentenceOf(error));
  const how = typeof code === 'number' ? `with exit code ${code}` : `by ${String(by)}`;
  const kind = (typeof code === 'number' ? kindOfCode(code) : undefined) ?? 'internal';
  return new Hyper2kvmError(kind, `The detached process ended ${how} before its job started.`, {
    hint: said.trim().slice(-MOST_SHOWN_CHARACTERS) || 'It printed nothing.',
  });
}
