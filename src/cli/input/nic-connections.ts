import { Hyper2kvmError } from '../../base/errors.ts';
import type { NetworkMap, NetworkOptions, NicConnection } from '../../operations/domain/types.ts';

interface ConnectionFlags {
  network?: readonly string[] | undefined;
  bridge?: readonly string[] | undefined;
  mac?: readonly string[] | undefined;
}

/** How the value of a flag is written, for messages. */
interface Form {
  flag: '--network' | '--bridge';
  /** Captures the source, if it is given, and the name. */
  pattern: RegExp;
  form: string;
  hint: string;
}

/** The name of a libvirt network contains no equals sign, but that of a VMware network may. */
const NETWORK: Form = {
  flag: '--network',
  pattern: /^(?:(.+)=)?([^=]+)$/,
  form: 'NAME or SOURCE=NAME',
  hint: 'Use --network br0-net, or --network "VM Network=br0-net" for the NICs on one VMware network.',
};

/** Linux interface names have at most 15 bytes and contain no colon, slash or space. */
const BRIDGE: Form = {
  flag: '--bridge',
  pattern: /^(?:(.+):)?([^:/\s]{1,15})$/,
  form: 'BRIDGE or SOURCE:BRIDGE, where BRIDGE is the name of a Linux bridge',
  hint: 'Use --bridge br0, or --bridge "VM Network:br0" for the NICs on one VMware network.',
};

const MAC = /^((?:[0-9a-f]{2}:){5}[0-9a-f]{2}):(network|bridge):(.+)$/i;

/**
 * Parses `--network`, `--bridge` and `--mac`; undefined if none is given.
 * @throws usage errors for invalid values and for flags that contradict each other.
 */
export function readConnections({ network, bridge, mac }: ConnectionFlags): NetworkOptions | undefined {
  if (network === undefined && bridge === undefined && mac === undefined) return undefined;
  const networks = readMap(network ?? [], NETWORK);
  const bridges = readMap(bridge ?? [], BRIDGE);
  if (networks.all !== undefined && bridges.all !== undefined) throw bothGiven('all networks');
  const both = [...networks.of.keys()].find((source) => bridges.of.has(source));
  if (both !== undefined) throw bothGiven(both);
  return {
    ...networks,
    ...(bridge === undefined ? {} : { bridges }),
    ...(mac === undefined ? {} : { macs: readMacs(mac) }),
  };
}

function readMap(texts: readonly string[], { flag, pattern, form, hint }: Form): NetworkMap {
  const of = new Map<string, string>();
  let all: string | undefined;
  for (const text of texts) {
    const [, source, name] = pattern.exec(text) ?? [];
    if (name === undefined) throw new Hyper2kvmError('usage', `${flag} must be ${form}, not "${text}".`, { hint });
    if (source === undefined ? all !== undefined : of.has(source)) {
      const which = source === undefined ? 'all networks' : source;
      throw new Hyper2kvmError('usage', `${flag} is given twice for ${which}.`, {
        hint: `Give one ${flag} per VMware network, and one for all others.`,
      });
    }
    if (source === undefined) all = name;
    else of.set(source, name);
  }
  return { all, of };
}

function readMacs(texts: readonly string[]): Map<string, NicConnection> {
  const macs = new Map<string, NicConnection>();
  for (const text of texts) {
    const [, written = '', kind = '', name = ''] = MAC.exec(text) ?? [];
    const mac = written.toLowerCase();
    const isBridge = kind.toLowerCase() === 'bridge';
    if (mac === '' || (isBridge && !/^[^:/\s]{1,15}$/.test(name))) {
      throw new Hyper2kvmError('usage', `--mac must be MAC:network:NAME or MAC:bridge:NAME, not "${text}".`, {
        hint: 'For example, --mac 00:50:56:01:02:03:bridge:br0.',
      });
    }
    if (macs.has(mac)) {
      throw new Hyper2kvmError('usage', `--mac is given twice for ${mac}.`, { hint: 'Give one --mac per NIC.' });
    }
    macs.set(mac, isBridge ? { bridge: name } : { network: name });
  }
  return macs;
}

function bothGiven(which: string): Hyper2kvmError {
  return new Hyper2kvmError('usage', `--network and --bridge are both given for ${which}.`, {
    hint: 'A NIC is on a libvirt network or on a bridge: omit one of them.',
  });
}

/** KubeVirt connects NICs to networks of the cluster, never to a bridge of a host. */
export function refuseBridges(networks: NetworkOptions | undefined): void {
  const isMac = [...(networks?.macs?.values() ?? [])].some(({ bridge }) => bridge !== undefined);
  if (networks?.bridges === undefined && !isMac) return;
  const what = networks?.bridges === undefined ? '--mac MAC:bridge:NAME' : '--bridge';
  throw new Hyper2kvmError('usage', `${what} cannot be used with --kubevirt, which knows no bridges of a host.`, {
    hint: 'Name the NetworkAttachmentDefinition of the bridge, with --network NAME or --mac MAC:network:NAME.',
  });
}
