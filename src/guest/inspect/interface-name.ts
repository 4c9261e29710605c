/** An interface name in a configuration. */
export interface InterfaceName {
  name: string;
  /** Lower case, if the configuration identifies the NIC. */
  mac?: string | undefined;
  /**
   * The configuration itself assigns this name to the NIC with that MAC address, or needs no name: no binding is
   * necessary.
   */
  bound?: boolean;
}

/** Names that are not Ethernet NICs: virtual interfaces, and other kinds of hardware. */
const OTHER =
  /^(lo|br|bond|team|vlan|tun|tap|wg|ppp|dummy|docker|virbr|veth|vnet|vmnet|wl|ww|ib|sit|gre|ip6|macv|lxc|ovs|dsl|can)([\d-]|$|[a-z]*\d)/;

/** A kernel interface name has at most 15 characters; real ones contain no quotes, slashes or spaces. */
export function isNicName(name: string): boolean {
  return /^[A-Za-z][\w-]{0,14}$/.test(name) && !OTHER.test(name);
}

/** In lower case with colons; undefined if the text is not a MAC address. */
export function readMac(text: string | undefined): string | undefined {
  const plain =
    text
      ?.trim()
      .replace(/^(["'])(.*)\1$/, '$2')
      .toLowerCase()
      .replaceAll('-', ':') ?? '';
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(plain) ? plain : undefined;
}

/** `eth0.100` and `eth0:1` are on the NIC `eth0`. */
export function nicNameOf(name: string): string {
  return name.split(/[.:@]/, 1)[0] ?? name;
}
