import { isUtf8 } from 'node:buffer';
import { createHash, scryptSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { localFileError } from '../../../base/files/local-file-error.ts';
import {
  localFiles,
  parseCommands,
  secretTexts,
  type CustomizeCommand,
} from '../../../guest/customize/command-file.ts';
import { findVirtCustomize, requireCommands } from '../../../guest/customize/find-virt-customize.ts';
import type { Customization } from './customize-request.ts';
import type { FixOptions } from '../types.ts';

/** Command files are written by people. */
const MOST_FILE_BYTES = 2 ** 20;
const DIGEST_BYTES = 32;
/** Derived with scrypt: a digest in a record must not help to guess a password in a command file. */
const SALT = 'hyper2kvm customize';

/**
 * Reads what the options name for the VM `vm`, and checks it, before any work. Options without a customization are
 * returned unchanged.
 * @throws kind `host` without virt-customize, usage errors for commands that it does not accept and for paths that do
 * not exist.
 */
export async function withCustomization(
  options: FixOptions,
  vm: string,
  { env = process.env, signal }: { env?: NodeJS.ProcessEnv | undefined; signal: AbortSignal },
): Promise<FixOptions> {
  const { customize: requested } = options;
  if (requested === undefined) return options;
  const program = await findVirtCustomize(env, signal);
  const file = requested.file === undefined ? undefined : await readCommandFile(forVm(requested.file, vm));
  if (file !== undefined) {
    await requireCommands(program, file, env, signal);
    for (const command of file.commands) await requireLocalFiles(command, file.path);
  }
  const firstboot = requested.firstboot.map((path) => resolve(forVm(path, vm)));
  for (const path of firstboot) await requirePath(path, '--firstboot', 'file');
  const packages = requested.guestAgent?.packages;
  if (packages !== undefined) await requireFolder(packages);
  const named = (file?.commands ?? []).flatMap((command) => localFiles(command));
  const digests = {
    customize: file === undefined ? '' : await digestOf([file.text], named, signal),
    firstboot: firstboot.length === 0 ? '' : await digestOf([], firstboot, signal),
    'guest-agent': packages === undefined ? '' : await digestOf([], [packages], signal),
  };
  const { network, guestAgent } = requested;
  const secrets = secretTexts(file?.commands ?? []);
  return { ...options, customization: { program, file, firstboot, network, guestAgent, secrets, digests } };
}

/** `{vm}` in a path is the name of the VM, as its files are named. */
function forVm(path: string, vm: string): string {
  return path.replaceAll('{vm}', () => vm);
}

async function readCommandFile(path: string): Promise<NonNullable<Customization['file']>> {
  const { size } = await requirePath(path, '--customize', 'file');
  if (size > MOST_FILE_BYTES) {
    throw new Hyper2kvmError('usage', `${path} is too large for a command file of virt-customize.`, {
      hint: '--customize takes a text file with one command per line.',
    });
  }
  const bytes = await readFile(path).catch((error: unknown) => {
    throw localFileError('read', path, error);
  });
  if (!isUtf8(bytes)) {
    throw new Hyper2kvmError('usage', `${path} is not UTF-8 text.`, { hint: 'Convert it: iconv -t UTF-8 OLD > NEW.' });
  }
  const text = bytes.toString('utf8');
  return { path, text, commands: parseCommands(text) };
}

async function requireLocalFiles(command: CustomizeCommand, file: string): Promise<void> {
  for (const path of localFiles(command)) {
    if (path !== '') await requirePath(path, `${file}, line ${command.line ?? 0}, ${command.name}`, 'any');
  }
}

/** virt-customize separates the paths of an upload with a colon. */
async function requireFolder(packages: string): Promise<void> {
  await requirePath(packages, '--guest-agent', 'folder');
  if (!packages.includes(':')) return;
  throw new Hyper2kvmError('usage', `--guest-agent: the path ${packages} contains a colon.`, {
    hint: 'virt-customize cannot read from such a path: rename the folder.',
  });
}

/** A file or folder that a flag or a command names. Relative paths are relative to the current folder. */
async function requirePath(path: string, namedBy: string, kind: 'file' | 'folder' | 'any'): Promise<{ size: number }> {
  try {
    const found = await stat(path);
    const isRight = kind === 'any' || (kind === 'folder' ? found.isDirectory() : found.isFile());
    if (isRight) return found;
  } catch (error) {
    const known = localFileError('read', path, error);
    if (!(known instanceof Hyper2kvmError)) throw error;
    throw new Hyper2kvmError('usage', `${namedBy}: ${known.message}`, {
      hint: 'Relative paths are relative to the current folder.',
      cause: error,
    });
  }
  throw new Hyper2kvmError('usage', `${namedBy}: ${path} is not a ${kind}.`);
}

async function digestOf(texts: readonly string[], paths: readonly string[], signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length} ${text}`);
  for (const path of paths) await addPath(hash, path, signal);
  return scryptSync(hash.digest(), SALT, DIGEST_BYTES).toString('hex');
}

/** The content of a file; for a folder, names, sizes and times: it can be large. */
async function addPath(hash: ReturnType<typeof createHash>, path: string, signal: AbortSignal): Promise<void> {
  if (path === '') return;
  if ((await stat(path)).isDirectory()) {
    const entries = await readdir(path, { recursive: true });
    for (const name of entries.toSorted()) {
      const found = await stat(join(path, name), { bigint: true }).catch(() => undefined);
      hash.update(`${name} ${found?.size ?? ''} ${found?.mtimeNs ?? ''}\n`);
    }
    return;
  }
  const content = createHash('sha256');
  await pipeline(createReadStream(path), content, { signal });
  hash.update(`${content.digest('hex')}\n`);
}
