import { open } from 'node:fs/promises';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { safeText } from '../text/safe-text.ts';
import { promptHidden, type RawInput } from './hidden-prompt.ts';

/** Whose password is asked for; shown in the prompt. */
export interface Account {
  username: string;
  host: string;
}

/** Where a password may come from when no environment variable has one. */
export interface PasswordSources {
  /** The value of `--password-file`; `-` is standard input. */
  file: string | undefined;
  stdin: NodeJS.ReadStream;
  stderr: NodeJS.WriteStream;
  signal: AbortSignal;
  warn: (message: string) => void;
}

/** A first line longer than this is no password, and a pipe without end is not read any further. */
const LONGEST_BYTES = 64 * 1024;

/**
 * The password for `account`: the first line of `--password-file`, else a hidden prompt when standard input and standard error
 * are a terminal. Without either, and for an empty password, a usage error that names the ways to give one.
 */
export async function readPassword(account: Account, sources: PasswordSources): Promise<string> {
  const { file, stdin, stderr, signal, warn } = sources;
  const question = `Password for ${safeText(account.username)} at ${safeText(account.host)}: `;
  if (file === '-' && !stdin.isTTY) return required(await readFirstLine(stdin), 'standard input');
  if (file !== undefined && file !== '-') return required(await readFile(file, warn), file);
  if (stdin.isTTY && stderr.isTTY) {
    const input: RawInput = stdin;
    return required(await promptHidden(question, { input, output: stderr, signal }), 'the prompt');
  }
  throw new Hyper2kvmError('usage', `No password for ${account.username} at ${account.host}.`, {
    hint: 'Set HYPER2KVM_PASSWORD, or give --password-file FILE (- is standard input), or run on a terminal to be asked.',
  });
}

async function readFile(path: string, warn: (message: string) => void): Promise<string> {
  try {
    await using file = await open(path);
    const stat = await file.stat();
    if (stat.isFile() && (stat.mode & 0o004) !== 0) {
      warn(`--password-file ${path} can be read by every user of this machine; chmod 600 protects it.`);
    }
    return await readFirstLine(file.createReadStream({ autoClose: false }));
  } catch (error) {
    throw new Hyper2kvmError('usage', `--password-file ${path} cannot be read: ${sentenceOf(error)}.`, {
      cause: error,
    });
  }
}

/** Leaving the loop destroys the stream, so that a pipe that stays open does not keep the process alive. */
async function readFirstLine(stream: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(bytes);
    length += bytes.length;
    if (bytes.includes(0x0a) || length > LONGEST_BYTES) break;
  }
  const [line = ''] = Buffer.concat(chunks).toString('utf8').split(/\r?\n/, 1);
  return line;
}

function required(password: string, source: string): string {
  if (password === '') throw new Hyper2kvmError('usage', `The password from ${source} is empty.`);
  return password;
}
