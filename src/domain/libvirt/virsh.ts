import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '../../base/process/child-environment.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { errnoOf } from '../../base/files/local-file-error.ts';

/** A libvirt connection through the virsh program. */
export interface LibvirtConnection {
  /** A URI for virsh: `qemu:///system`, `qemu+ssh://host/system`. */
  uri: string;
  /** Used to locate virsh. */
  env: NodeJS.ProcessEnv;
}

export interface DefinedDomain {
  name: string;
  uuid: string;
}

/** libvirt may be on a remote host. A host that hangs must not block a conversion forever. */
const LIMIT_MS = 60_000;

/**
 * All domains, running or not.
 * @throws kind `host` if virsh is missing or nothing answers at the URI.
 */
export async function listDomains(connection: LibvirtConnection, signal: AbortSignal): Promise<DefinedDomain[]> {
  const text = await virsh(connection, ['list', '--all', '--uuid', '--name'], signal, {
    failure: `libvirt at ${connection.uri} does not respond`,
    hint: 'Check that libvirt runs there and that this account may use it (group libvirt), or give another address: --define=URI.',
  });
  return Array.from(text.matchAll(/^([0-9a-f-]{36})\s+(.*?)\s*$/gim), ([, uuid = '', name = '']) => ({ uuid, name }));
}

/**
 * Defines a domain in libvirt without starting it. `path` is absolute.
 * @throws kind `host` with libvirt's message.
 */
export async function defineDomain(connection: LibvirtConnection, path: string, signal: AbortSignal): Promise<void> {
  await virsh(connection, ['define', path], signal, {
    failure: `libvirt at ${connection.uri} does not accept ${path}`,
    hint: 'The file and its images are kept. Correct the file, and define it with virsh define.',
  });
}

/**
 * Runs virsh and returns its standard output. `failure` is the beginning of the message if virsh fails.
 * @throws kind `host`, also if virsh is missing or does not respond.
 */
export async function virsh(
  { uri, env }: LibvirtConnection,
  args: readonly string[],
  signal: AbortSignal,
  { failure, hint }: { failure: string; hint: string },
): Promise<string> {
  try {
    const options = {
      env: { ...childEnvironment(env), LC_ALL: 'C' },
      timeout: LIMIT_MS,
      signal,
      maxBuffer: 64 * 2 ** 20,
    };
    const { stdout } = await promisify(execFile)('virsh', [`--connect=${uri}`, ...args], options);
    return stdout;
  } catch (cause) {
    signal.throwIfAborted();
    if (errnoOf(cause) === 'ENOENT') {
      throw new Hyper2kvmError('host', 'virsh is not installed; --define needs it.', {
        cause,
        hint: 'Install the package libvirt-clients on Debian and Ubuntu, libvirt-client on RHEL and its derivatives.',
      });
    }
    throw new Hyper2kvmError('host', `${failure}: ${lastWords(cause)}`, { cause, hint });
  }
}

/** virsh prints the failed action first, and the reason on the last line. */
function lastWords(error: unknown): string {
  const facts = typeof error === 'object' && error !== null ? error : {};
  if ('killed' in facts && facts.killed === true) return `virsh did not respond within ${LIMIT_MS / 1000} s.`;
  const stderr = 'stderr' in facts ? String(facts.stderr) : '';
  const last = stderr.split('\n').findLast((line) => line.trim() !== '');
  const words = last?.replace(/^error: /, '').trim() ?? 'virsh gave no reason';
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

/** True if `error` is that of a virsh that ran and ended with an error. */
export function isVirshRefusal(error: unknown): boolean {
  const cause = error instanceof Hyper2kvmError ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'number';
}
