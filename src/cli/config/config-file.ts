import { open } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { homeFolder } from '../../base/files/home-folder.ts';
import { errnoOf, localFileError } from '../../base/files/local-file-error.ts';
import { shellWord } from '../text/shell-word.ts';

/** The contents of a configuration file. */
export interface ConfigFile {
  path: string;
  text: string;
  /** Set for a regular file; a pipe has no other readers. */
  access: { mode: number; uid: number } | undefined;
}

/** Enough for thousands of profiles; a larger file is not a configuration file. */
const LARGEST_BYTES = 1024 * 1024;

/** `$XDG_CONFIG_HOME/hyper2kvm/config.yaml`, by default under `~/.config`; undefined without a home directory. */
export function defaultConfigPath(env: NodeJS.ProcessEnv): string | undefined {
  const config = env['XDG_CONFIG_HOME'];
  // The XDG Base Directory Specification requires relative paths to be ignored.
  if (config !== undefined && isAbsolute(config)) return join(config, 'hyper2kvm', 'config.yaml');
  const home = homeFolder(env);
  return home === undefined ? undefined : join(home, '.config', 'hyper2kvm', 'config.yaml');
}

/**
 * Reads a file named by the user.
 * @throws usage errors that name the file.
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  try {
    return await read(path);
  } catch (error) {
    const failure = localFileError('read', path, error);
    if (!(failure instanceof Hyper2kvmError)) throw failure;
    throw new Hyper2kvmError('usage', `The configuration file cannot be used. ${failure.message}`, {
      hint: 'Check --config or HYPER2KVM_CONFIG, and the permissions of the file.',
      cause: error,
    });
  }
}

/**
 * Like {@link readConfigFile}, for the default file. Undefined when it does not exist. Also undefined, with a warning,
 * when its folder is inaccessible, as home directories are for a systemd service with ProtectHome.
 */
export async function readUsualConfigFile(
  path: string,
  warn: (message: string) => void,
): Promise<ConfigFile | undefined> {
  try {
    return await readConfigFile(path);
  } catch (error) {
    const errno = error instanceof Error ? errnoOf(error.cause) : undefined;
    if (errno === 'EACCES') warn(`The configuration file ${path} cannot be read: its profiles are ignored.`);
    else if (errno !== 'ENOENT' && errno !== 'ENOTDIR') throw error;
    return undefined;
  }
}

async function read(path: string): Promise<ConfigFile> {
  await using handle = await open(path);
  const stat = await handle.stat();
  const access = stat.isFile() ? { mode: stat.mode, uid: stat.uid } : undefined;
  return { path, text: await readAtMost(handle.createReadStream({ autoClose: false }), path), access };
}

/**
 * Refuses a file that other users can write to: they could choose the server and the commands to run. A file with a
 * password must be owned by the user and not accessible to others.
 * @throws usage errors with the remedy.
 */
export function checkAccess({ path, access }: ConfigFile, hasSecret: boolean): void {
  if (access === undefined) return;
  const fix = `Run chmod ${hasSecret ? '600' : 'o-w'} ${shellWord(path)}.`;
  if ((access.mode & 0o002) !== 0) {
    throw new Hyper2kvmError('usage', `${path} is writable by all users of this host.`, { hint: fix });
  }
  if (!hasSecret) return;
  if (access.uid !== process.getuid?.()) {
    throw new Hyper2kvmError('usage', `${path} contains a password and belongs to another user.`, {
      hint: `Change its owner with chown, or move the password to a file of your own and set password-file to it.`,
    });
  }
  if ((access.mode & 0o077) !== 0) {
    throw new Hyper2kvmError('usage', `${path} contains a password and is accessible to other users.`, { hint: fix });
  }
}

async function readAtMost(stream: AsyncIterable<Buffer>, path: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > LARGEST_BYTES) {
      throw new Hyper2kvmError('usage', `${path} is larger than 1 MiB, so it is not a configuration file.`);
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}
