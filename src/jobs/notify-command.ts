import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { formatDuration } from '../base/text/amounts.ts';
import { sentenceOf } from '../base/errors.ts';
import { signalGroup } from '../base/process/process-group.ts';
import { jobRecordText } from './job-record-text.ts';
import type { JobRecord } from './job-record.ts';

/** What is run when a job ends, and for how long. */
export interface NotifyOptions {
  /** For `sh -c`. No message quotes it: it may hold a token. */
  command: string;
  limitMs: number;
}

/** What is kept of the words that the command leaves on standard error. */
const MOST_WORDS = 300;
/** Between asking a command to end and ending it. */
const GRACE_MS = 2000;
/** For what a command has written when it ends: a process that it left behind may hold the pipe open for ever. */
const LAST_WORDS_MS = 200;

/** These are for the server's own login. A URL may hold a password too. */
const PASSWORDS: ReadonlySet<string> = new Set(['HYPER2KVM_PASSWORD', 'GOVC_PASSWORD']);
const URLS: ReadonlySet<string> = new Set(['HYPER2KVM_URL', 'GOVC_URL']);

/**
 * Runs the command with the record as JSON on its standard input, and `HYPER2KVM_JOB_ID` and `HYPER2KVM_JOB_STATE` in its environment, which has no password. It runs in a
 * session of its own, so that the Ctrl-C that ended the job does not end it. Resolves when it is over, with a sentence when it
 * failed; never rejects.
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
    // A command that does not read its input is none that failed.
    child.stdin?.on('error', () => undefined).end(jobRecordText(record));
    const closed = once(child, 'close');
    closed.catch(() => undefined);
    const exit = await endWithin(child, limitMs);
    if (exit === undefined) {
      return `The notify command did not finish within ${formatDuration(limitMs / 1000)} and was stopped.`;
    }
    if (exit.code === 0) return undefined;
    await Promise.race([closed, delay(LAST_WORDS_MS)]);
    // A process that was held up has the words in the pipe still: it reads before its next turn.
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

/** How it ended; undefined when the limit has passed, and it was made to end. */
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
    // The shell may be gone while what it started is not.
    signalGroup(child, 'SIGKILL');
    if (second === undefined) await exit;
    return undefined;
  } finally {
    limit.abort();
  }
}

/** The last line on standard error, for a message. What comes before it is read and forgotten. */
function collectWords({ stderr }: ChildProcess): () => string {
  let text = '';
  stderr?.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(-2 * MOST_WORDS)));
  return () => text.trim().split('\n').at(-1)?.trim().slice(-MOST_WORDS).replace(/\.$/, '') ?? '';
}
