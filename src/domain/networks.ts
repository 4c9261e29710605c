import { Hyper2kvmError } from '../base/errors.ts';
import type { VmNic } from '../base/vm-config.ts';

/** What a NIC is connected to: a libvirt network, or a Linux bridge of the host. */
export type NicConnection = { network: string; bridge?: undefined } | { bridge: string; network?: undefined };

/** Maps the source's networks to names on the host. */
export interface NetworkMap {
  /** The name for every NIC without a mapping of its own. */
  all?: string | undefined;
  /** Indexed by the source's network name. */
  of: ReadonlyMap<string, string>;
}

/** How NICs are connected. The map itself contains libvirt networks; a NIC that nothing names gets libvirt's default network. */
export interface NetworkOptions extends NetworkMap {
  /** Linux bridges instead of libvirt networks. No source network is in both maps. */
  bridges?: NetworkMap | undefined;
  /** By MAC address, in lower case with colons. Replaces the maps for that NIC. */
  macs?: ReadonlyMap<string, NicConnection> | undefined;
}

/** The network that libvirt ships with. */
const DEFAULT_NETWORK = 'default';

type SourceNic = Pick<VmNic, 'mac' | 'network'>;

/** The requested connection of a NIC; undefined if no option applies to it. */
export function requestedConnection(
  { mac, network = '' }: SourceNic,
  requested: NetworkOptions,
): NicConnection | undefined {
  const { bridges, macs } = requested;
  const own = mac === undefined ? undefined : macs?.get(mac.toLowerCase());
  if (own !== undefined) return own;
  for (const find of [({ of }: NetworkMap) => of.get(network), ({ all }: NetworkMap) => all]) {
    const name = find(requested);
    if (name !== undefined) return { network: name };
    const bridge = bridges && find(bridges);
    if (bridge !== undefined) return { bridge };
  }
  return undefined;
}

/**
 * The connection of a NIC, and a sentence if it was not requested. A NIC without a source network gets the default
 * network too.
 */
export function connectionOf(nic: SourceNic, requested: NetworkOptions): { connection: NicConnection; note?: string } {
  const connection = requestedConnection(nic, requested);
  if (connection !== undefined) return { connection };
  const { network: source } = nic;
  const byDefault = { network: DEFAULT_NETWORK };
  if (!source || source === DEFAULT_NETWORK) return { connection: byDefault };
  const note = `The source network ${source} becomes the libvirt network ${DEFAULT_NETWORK} in the domain; --network or --bridge selects another.`;
  return { connection: byDefault, note };
}

/** Sentences about mapped names that no NIC of the VM uses, such as misspelt ones. */
export function unusedNetworks(nics: readonly SourceNic[], { of, bridges }: NetworkOptions): string[] {
  const isUnused = (name: string): boolean => !nics.some(({ network }) => network === name);
  return [
    ...[...of.keys()].filter(isUnused).map((name) => unusedSentence('--network', name)),
    ...[...(bridges?.of.keys() ?? [])].filter(isUnused).map((name) => unusedSentence('--bridge', name)),
  ];
}

function unusedSentence(flag: string, name: string): string {
  return `${flag} names ${name}, but no NIC of the source is on that network.`;
}

/** @throws kind `usage` for a MAC address of the options that no NIC of the VM has. */
export function requireKnownMacs(vm: string, nics: readonly SourceNic[], { macs }: NetworkOptions): void {
  const known = nics.flatMap(({ mac }) => mac?.toLowerCase() ?? []);
  const unknown = [...(macs?.keys() ?? [])].find((mac) => !known.includes(mac));
  if (unknown === undefined) return;
  const hint =
    known.length === 0
      ? 'Its NICs have no MAC addresses: use --network or --bridge.'
      : `Its NICs have: ${known.join(', ')}.`;
  throw new Hyper2kvmError('usage', `--mac names ${unknown}, but no NIC of ${vm} has that MAC address.`, { hint });
}
