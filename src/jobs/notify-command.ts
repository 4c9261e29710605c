import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { formatDuration } from '../base/text/amounts.ts';
import { sentenceOf } from '../base/errors.ts';
import { signalGroup } from '../base/process/process-group.ts';
import { jobRecordText } from './job-record-text.ts';
import type { JobRecord } from './job-record.ts';

/** The command to run when a job ends, and its time limit. */
export interface NotifyOptions {
  /** For `sh -c`. It may contain a token, so messages never quote it. */
  command: string;
  limitMs: number;
}

/** Maximum length of the text kept from the command's standard error. */
const MOST_WORDS = 300;
/** Time between SIGTERM and SIGKILL. */
const GRACE_MS = 2000;
/** How long to wait for the remaining output after the command has ended: a background process may keep the pipe open forever. */
const LAST_WORDS_MS = 200;

/** Credentials for the server. A URL can contain a password too. */
const PASSWORDS: ReadonlySet<string> = new Set(['HYPER2KVM_PASSWORD', 'GOVC_PASSWORD']);
const URLS: ReadonlySet<string> = new Set(['HYPER2KVM_URL', 'GOVC_URL']);

/**
 * Runs the command with the record as JSON on its standard input, and `HYPER2KVM_JOB_ID` and `HYPER2KVM_JOB_STATE` in
 * its environment. The environment contains no password. The command runs in its own session, so that the Ctrl-C that
 * ended the job does not end it. Resolves when the command has ended, with a message if it failed; never rejects.
 */
export async function runNotifyCommand(
  record: Readonly<JobRecord>,
  notify: NotifyOptions,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    return await run(record, notify, env);
  } catch (error) {
    return `The notify command could not be started: ${sentenceOf(error)}.`;
  }
}

async function run(
  record: Readonly<JobRecord>,
  { command, limitMs }: NotifyOptions,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const child = spawn('/bin/sh', ['-c', command], {
    env: environmentFor(record, env),
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  });
  try {
    const words = collectWords(child);
    // A command that does not read its input has not failed.
    child.stdin?.on('error', () => undefined).end(jobRecordText(record));
    const closed = once(child, 'close');
    closed.catch(() => undefined);
    const exit = await endWithin(child, limitMs);
    if (exit === undefined) {
      return `The notify command did not finish within ${formatDuration(limitMs / 1000)} and was stopped.`;
    }
    if (exit.code === 0) return undefined;
    await Promise.race([closed, delay(LAST_WORDS_MS)]);
    // If this process was suspended, the output may still be in the pipe: the event loop reads it before the next turn.
    await nextTurn();
    const how = exit.code === null ? `was ended by ${exit.by}` : `ended with exit code ${exit.code}`;
    return [`The notify command ${how}`, words()].filter(Boolean).join(': ').concat('.');
  } finally {
    for (const stream of [child.stdin, child.stderr]) stream?.destroy();
  }
}

function environmentFor(record: Readonly<JobRecord>, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const open = Object.entries(env).filter(
    ([name, value]) => !PASSWORDS.has(name) && !(URLS.has(name) && value?.includes('@')),
  );
  return { ...Object.fromEntries(open), HYPER2KVM_JOB_ID: record.id, HYPER2KVM_JOB_STATE: record.state };
}

/** How the command ended; undefined when the time limit passed and it was killed. */
async function endWithin(
  child: ChildProcess,
  limitMs: number,
): Promise<{ code: number | null; by: string | null } | undefined> {
  const limit = new AbortController();
  const exit = once(child, 'exit').then(([code, by]: (number | string | null)[]) => ({
    code: typeof code === 'number' ? code : null,
    by: typeof by === 'string' ? by : null,
  }));
  try {
    const first = await Promise.race([exit, delay(limitMs, undefined, { signal: limit.signal })]);
    if (first !== undefined) return first;
    signalGroup(child, 'SIGTERM');
    const second = await Promise.race([exit, delay(GRACE_MS, undefined, { signal: limit.signal })]);
    // The shell may have ended while its child processes still run.
    signalGroup(child, 'SIGKILL');
    if (second === undefined) await exit;
    return undefined;
  } finally {
    limit.abort();
  }
}

/** Returns the last line on standard error, for a message. Earlier lines are read and discarded. */
function collectWords({ stderr }: ChildProcess): () => string {
  let text = '';
  stderr?.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-2 * MOST_WORDS)));
  return () => text.trim().split('\n').at(-1)?.trim().slice(-MOST_WORDS).replace(/\.$/, '') ?? '';
}
