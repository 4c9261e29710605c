/** A name that a configuration has for a card. */
export interface InterfaceName {
  name: string;
  /** Lower case, where the configuration tells which card it is. */
  mac?: string | undefined;
  /** The configuration itself gives the card with that address this name, or needs none: nothing has to be bound. */
  bound?: boolean;
}

/** What no card is called: virtual interfaces, and what other cards than Ethernet have. */
const OTHER =
  /^(lo|br|bond|team|vlan|tun|tap|wg|ppp|dummy|docker|virbr|veth|vnet|vmnet|wl|ww|ib|sit|gre|ip6|macv|lxc|ovs|dsl|can)([\d-]|$|[a-z]*\d)/;

/** A kernel's name of an interface has at most 15 characters; quotes, slashes and spaces are in none that is real. */
export function isCardName(name: string): boolean {
  return /^[A-Za-z][\w-]{0,14}$/.test(name) && !OTHER.test(name);
}

/** In lower case with colons; undefined for what is no address. */
export function readMac(text: string | undefined): string | undefined {
  const plain =
    text
      ?.trim()
      .replace(/^(["'])(.*)\1$/, '$2')
      .toLowerCase()
      .replaceAll('-', ':') ?? '';
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(plain) ? plain : undefined;
}

/** `eth0.100` and `eth0:1` are on the card `eth0`. */
export function cardOf(name: string): string {
  return name.split(/[.:@]/, 1)[0] ?? name;
}
