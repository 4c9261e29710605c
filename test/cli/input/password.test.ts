import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { exitCodeOf } from '../../../src/base/exit-codes.ts';
import { InterruptedError } from '../../../src/base/errors.ts';
import { readPassword } from '../../../src/cli/input/password.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const ACCOUNT = { username: 'joe', host: 'vc.example.com' };
let folder: string;

beforeEach(async () => {
  folder = await makeTemporaryFolder('hyper2kvm-password-');
});
afterEach(() => rm(folder, { recursive: true }));

/** A fake standard input and standard error: a terminal or a pipe. */
function terminal({ isTTY }: { isTTY: boolean }) {
  const modes: boolean[] = [];
  const shown: string[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: (raw: boolean) => void modes.push(raw) });
  const stderr = Object.assign(new PassThrough(), { isTTY });
  stderr.on('data', (chunk: Buffer) => shown.push(chunk.toString()));
  return { stdin, stderr, modes, shown };
}

function ask(
  { stdin, stderr }: Pick<ReturnType<typeof terminal>, 'stdin' | 'stderr'>,
  file?: string,
  signal: AbortSignal = new AbortController().signal,
) {
  const warnings: string[] = [];
  const password = readPassword(ACCOUNT, {
    file,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    stdin: stdin as unknown as NodeJS.ReadStream,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    stderr: stderr as unknown as NodeJS.WriteStream,
    signal,
    warn: (message) => warnings.push(message),
  });
  // Most tests compare the password as text.
  return { password: password.then((secret) => secret.reveal()), warnings };
}

async function passwordFile(content: string | Buffer, mode = 0o600): Promise<string> {
  const file = join(folder, 'password');
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

test('a file gives its first line, and spaces count', async () => {
  const { password, warnings } = ask(terminal({ isTTY: true }), await passwordFile(' geheim \r\nsecond line\n'));
  await expect(password).resolves.toBe(' geheim ');
  expect(warnings).toEqual([]);
});

test('a file that everybody can read is warned about', async () => {
  const { password, warnings } = ask(terminal({ isTTY: false }), await passwordFile('geheim', 0o644));
  await expect(password).resolves.toBe('geheim');
  expect(warnings).toEqual([expect.stringContaining('is readable by all users')]);
});

test('a file that is missing or empty is a usage error that names it', async () => {
  await expect(ask(terminal({ isTTY: false }), join(folder, 'none')).password).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringContaining('--password-file'),
  });
  await expect(ask(terminal({ isTTY: false }), await passwordFile('\nx')).password).rejects.toMatchObject({
    kind: 'usage',
  });
});

test('- reads a pipe up to the first line end, although the pipe stays open', async () => {
  const ends = terminal({ isTTY: false });
  const { password } = ask(ends, '-');
  ends.stdin.write('geh');
  ends.stdin.write('eim\nmore');
  await expect(password).resolves.toBe('geheim');
  expect(ends.stdin.destroyed).toBe(true);
});

test('the prompt shows nothing of what is typed, and takes backspace and Ctrl-U', async () => {
  const ends = terminal({ isTTY: true });
  const { password } = ask(ends);
  for (const keys of ['wrong\u0015', 'gehx\u007f', '\u001b[A', 'eim🔑\r']) ends.stdin.write(keys);
  await expect(password).resolves.toBe('geheim🔑');
  expect(ends.shown.join('')).toBe('Password for joe at vc.example.com: \n');
  expect(ends.modes).toEqual([true, false]);
});

test('Ctrl-C in the prompt gives the terminal back and exits with 130', async () => {
  const ends = terminal({ isTTY: true });
  const { password } = ask(ends);
  ends.stdin.write('geh\u0003');
  const error: unknown = await password.catch((reason: unknown) => reason);
  expect(exitCodeOf(error)).toBe(130);
  expect(ends.modes).toEqual([true, false]);
});

test('a signal ends the prompt and gives the terminal back', async () => {
  const ends = terminal({ isTTY: true });
  const root = new AbortController();
  const { password } = ask(ends, undefined, root.signal);
  root.abort(new InterruptedError('SIGTERM'));
  await expect(password).rejects.toMatchObject({ signalName: 'SIGTERM' });
  expect(ends.modes).toEqual([true, false]);
});

test('without a terminal there is no prompt, and the error names the ways to give a password', async () => {
  const ends = terminal({ isTTY: false });
  await expect(ask(ends).password).rejects.toMatchObject({
    kind: 'usage',
    hint: expect.stringMatching(/HYPER2KVM_PASSWORD.*--password-file.*terminal/),
  });
  expect(ends.shown).toEqual([]);
});

test('a byte order mark and a carriage return of another system are not part of the password', async () => {
  for (const content of ['\ufeffgeheim\r\n', '\ufeffgeheim\r', 'geheim\n']) {
    await expect(ask(terminal({ isTTY: false }), await passwordFile(content)).password).resolves.toBe('geheim');
  }
});

test.each([
  ['UTF-16 with its mark', Buffer.from('\ufeffgeheim\r\n', 'utf16le'), 'is UTF-16 or binary'],
  ['UTF-16 of the other byte order', Buffer.from('\ufeffgeheim\r\n', 'utf16le').swap16(), 'is UTF-16 or binary'],
  ['UTF-16 without a mark', Buffer.from('geheim', 'utf16le'), 'is UTF-16 or binary'],
  ['Latin-1', Buffer.from('gehäim', 'latin1'), 'contains a control character or is not UTF-8 text'],
  ['a control character', Buffer.from('geh\u0007eim\n'), 'contains a control character'],
])('a file in %s is refused by its name, and nothing of it is quoted', async (_what, content, why) => {
  const file = await passwordFile(content);
  const error: unknown = await ask(terminal({ isTTY: false }), file).password.catch((reason: unknown) => reason);
  expect(error).toMatchObject({ kind: 'usage', message: expect.stringMatching(`^The password from ${file} ${why}`) });
  expect(inspect(error)).not.toMatch(/g\0?e\0?h/);
});

test('a first line of endless length is refused', async () => {
  const file = await passwordFile(Buffer.alloc(1 << 20, 'x'));
  await expect(ask(terminal({ isTTY: false }), file).password).rejects.toThrow(
    `The first line of ${file} is too long for a password.`,
  );
});
