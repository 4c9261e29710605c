import { isVirshRefusal, listDomains, virsh, type LibvirtConnection } from './virsh.ts';

/** `missing`: libvirt has no such domain. `off`: it is not running. Anything else can run, or continue to run. */
export type DomainState = 'missing' | 'off' | 'running' | 'active';

/**
 * The state of a domain, by its UUID or name.
 * @throws kind `host` if libvirt does not respond.
 */
export async function domainState(
  connection: LibvirtConnection,
  domain: string,
  signal: AbortSignal,
): Promise<DomainState> {
  const known = await listDomains(connection, signal);
  if (!known.some(({ name, uuid }) => name === domain || uuid === domain.toLowerCase())) return 'missing';
  const words = (await virsh(connection, ['domstate', domain], signal, failure(connection, domain, 'queried'))).trim();
  // A crashed domain can be kept for an examination, with its disks.
  if (words === 'shut off') return 'off';
  return words === 'running' ? 'running' : 'active';
}

/** @throws kind `host` with libvirt's message. */
export async function startDomain(connection: LibvirtConnection, domain: string, signal: AbortSignal): Promise<void> {
  await virsh(connection, ['start', domain], signal, failure(connection, domain, 'started'));
}

/**
 * Stops a domain at once, as a power failure does.
 * @throws kind `host` with libvirt's message.
 */
export async function destroyDomain(connection: LibvirtConnection, domain: string, signal: AbortSignal): Promise<void> {
  await virsh(connection, ['destroy', domain], signal, failure(connection, domain, 'stopped'));
}

/**
 * Removes the definition of a domain, and its UEFI variables. Its disks stay.
 * @throws kind `host` with libvirt's message.
 */
export async function undefineDomain(
  connection: LibvirtConnection,
  domain: string,
  signal: AbortSignal,
): Promise<void> {
  await virsh(connection, ['undefine', domain, '--nvram'], signal, failure(connection, domain, 'undefined'));
}

/** True if the guest agent of a running domain answers within some seconds. */
export async function isAgentAlive(
  connection: LibvirtConnection,
  domain: string,
  signal: AbortSignal,
): Promise<boolean> {
  const ping = ['qemu-agent-command', domain, '{"execute":"guest-ping"}', '--timeout', '3'];
  return (await answerOf(connection, ping, signal)) !== undefined;
}

/** The packets that the guest of a running domain has sent; 0 if libvirt does not report them. */
export async function sentPackets(connection: LibvirtConnection, domain: string, signal: AbortSignal): Promise<number> {
  const text = await answerOf(connection, ['domstats', '--raw', '--interface', domain], signal);
  const counts = Array.from((text ?? '').matchAll(/^\s*net\.\d+\.tx\.pkts=(\d+)$/gm), ([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Undefined if virsh refuses the command: no agent, or not yet. */
async function answerOf(
  connection: LibvirtConnection,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await virsh(connection, args, signal, failure(connection, args[1] ?? '', 'queried'));
  } catch (error) {
    if (isVirshRefusal(error)) return undefined;
    throw error;
  }
}

function failure({ uri }: LibvirtConnection, domain: string, verb: string): { failure: string; hint: string } {
  return {
    failure: `The domain ${domain} of libvirt at ${uri} could not be ${verb}`,
    hint: `Look at it with virsh --connect ${uri}.`,
  };
}
