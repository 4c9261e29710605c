import { open } from 'node:fs/promises';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { readSecret, readSecretLine, type Secret } from '../../base/text/secret.ts';
import { safeText } from '../text/safe-text.ts';
import { promptHidden, type RawInput } from './hidden-prompt.ts';

/** The account whose password is requested; shown in the prompt. */
export interface Account {
  username: string;
  host: string;
}

/** The sources of a password that is not in an environment variable. */
export interface PasswordSources {
  /** The value of `--password-file`; `-` is standard input. */
  file: string | undefined;
  stdin: NodeJS.ReadStream;
  stderr: NodeJS.WriteStream;
  signal: AbortSignal;
  warn: (message: string) => void;
  /** Called before the user is prompted. */
  onPrompt?: () => void;
}

/** A longer first line is refused, and an endless pipe is not read any further. */
const LONGEST_BYTES = 64 * 1024;

/**
 * The password for `account`: the first line of `--password-file`, otherwise from a hidden prompt when standard input
 * and standard error are a terminal.
 * @throws usage error that lists the ways to supply a password, when there is no source or the password is empty.
 */
export async function readPassword(account: Account, sources: PasswordSources): Promise<Secret> {
  const { file, stdin, stderr, signal, warn, onPrompt } = sources;
  const question = `Password for ${safeText(account.username)} at ${safeText(account.host)}: `;
  if (file === '-' && !stdin.isTTY) return required(await readFirstLine(stdin, 'standard input'), 'standard input');
  if (file !== undefined && file !== '-') return required(await readFile(file, warn), file);
  if (stdin.isTTY && stderr.isTTY) {
    const input: RawInput = stdin;
    onPrompt?.();
    return required(
      readSecret(await promptHidden(question, { input, output: stderr, signal }), 'the prompt'),
      'the prompt',
    );
  }
  throw new Hyper2kvmError('usage', `No password is given for ${account.username} at ${account.host}.`, {
    hint: 'Set HYPER2KVM_PASSWORD, use --password-file FILE (- is standard input), or run on a terminal to be prompted.',
  });
}

async function readFile(path: string, warn: (message: string) => void): Promise<Secret> {
  try {
    await using file = await open(path);
    const stat = await file.stat();
    if (stat.isFile() && (stat.mode & 0o004) !== 0) {
      warn(`--password-file ${path} is readable by all users of this host; protect it with chmod 600.`);
    }
    return await readFirstLine(file.createReadStream({ autoClose: false }), path);
  } catch (error) {
    if (error instanceof Hyper2kvmError) throw error;
    throw new Hyper2kvmError('usage', `--password-file ${path} cannot be read: ${sentenceOf(error)}.`, {
      cause: error,
    });
  }
}

/** Leaving the loop destroys the stream, so that an open pipe does not keep the process alive. */
async function readFirstLine(stream: AsyncIterable<Buffer | string>, source: string): Promise<Secret> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(bytes);
    length += bytes.length;
    if (bytes.includes(0x0a) || length > LONGEST_BYTES) break;
  }
  if (length > LONGEST_BYTES && !chunks.at(-1)?.includes(0x0a)) {
    throw new Hyper2kvmError('usage', `The first line of ${source} is too long for a password.`);
  }
  return readSecretLine(Buffer.concat(chunks), source);
}

function required(password: Secret, source: string): Secret {
  if (password.isEmpty) throw new Hyper2kvmError('usage', `The password from ${source} is empty.`);
  return password;
}
