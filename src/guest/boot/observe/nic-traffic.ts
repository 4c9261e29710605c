/** The traffic that a NIC has sent: what its frames show about its network. */
export interface NicTraffic {
  /** It requested an IPv4 address by DHCP. */
  dhcp: boolean;
  /**
   * The addresses that it sent from, announced, or probed before use (RFC 5227): IPv4, and IPv6 that is not
   * link-local. In order of appearance.
   */
  addresses: string[];
  /** The IPv4 addresses that it resolved by ARP: gateways and other hosts of its network. */
  arpTargets: string[];
}

/** A guest that scans its network must not exhaust the memory. */
const MOST_ADDRESSES = 16;

const ETHERNET_BYTES = 14;
const VLAN_TAG_BYTES = 4;
const TYPES = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd } as const;
const UDP = 17;
const ICMPV6 = 58;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;
const DHCP_CLIENT_PORT = 68;
const DHCP_SERVER_PORT = 67;

export function noTraffic(): NicTraffic {
  return { dhcp: false, addresses: [], arpTargets: [] };
}

/**
 * True once the traffic shows how the NIC is configured for IPv4, or that one of the `expected` addresses is in use: an
 * initramfs can ask for another address first.
 */
export function isAddressed({ dhcp, addresses }: NicTraffic, expected: readonly string[] = []): boolean {
  if (expected.length > 0) return addresses.some((address) => expected.includes(address));
  return dhcp || addresses.some((address) => address.includes('.'));
}

/** Evaluates one Ethernet frame that the NIC sent. Truncated and unknown frames are ignored. */
export function addFrame(traffic: NicTraffic, frame: Buffer): void {
  if (frame.length < ETHERNET_BYTES) return;
  const isTagged = frame.readUInt16BE(12) === TYPES.vlan;
  const start = isTagged ? ETHERNET_BYTES + VLAN_TAG_BYTES : ETHERNET_BYTES;
  if (frame.length < start) return;
  const type = frame.readUInt16BE(start - 2);
  const packet = frame.subarray(start);
  if (type === TYPES.arp) addArp(traffic, packet);
  if (type === TYPES.ipv4) addIpv4(traffic, packet);
  if (type === TYPES.ipv6) addIpv6(traffic, packet);
}

/**
 * RFC 826: the sender's protocol address is at 14, the target's at 24. A probe has no sender address; its target is
 * the address that the NIC is about to use.
 */
function addArp(traffic: NicTraffic, packet: Buffer): void {
  if (packet.length < 28 || packet.readUInt16BE(2) !== TYPES.ipv4) return;
  const [sender, target] = [ipv4Text(packet, 14), ipv4Text(packet, 24)];
  const isRequest = packet.readUInt16BE(6) === 1;
  if (sender === undefined) {
    if (isRequest) add(traffic.addresses, target);
    return;
  }
  add(traffic.addresses, sender);
  if (isRequest && target !== sender) add(traffic.arpTargets, target);
}

/** RFC 791: the protocol is at 9, the source at 12. */
function addIpv4(traffic: NicTraffic, packet: Buffer): void {
  if (packet.length < 20) return;
  add(traffic.addresses, ipv4Text(packet, 12));
  const payload = packet.subarray((packet.readUInt8(0) & 0xf) * 4);
  if (packet.readUInt8(9) !== UDP || payload.length < 4) return;
  if (payload.readUInt16BE(0) === DHCP_CLIENT_PORT && payload.readUInt16BE(2) === DHCP_SERVER_PORT) traffic.dhcp = true;
}

/**
 * RFC 8200: the source is at 8. RFC 4862: a neighbor solicitation without a source comes from a host that is about to
 * use the target address. RFC 4861: a neighbor advertisement contains the address that its sender uses, whatever it is
 * sent from.
 */
function addIpv6(traffic: NicTraffic, packet: Buffer): void {
  if (packet.length < 40) return;
  add(traffic.addresses, ipv6Text(packet, 8));
  if (packet.readUInt8(6) !== ICMPV6 || packet.length < 64) return;
  const type = packet.readUInt8(40);
  const isProbe = type === NEIGHBOUR_SOLICITATION && packet.subarray(8, 24).every((byte) => byte === 0);
  if (isProbe || type === NEIGHBOUR_ADVERTISEMENT) add(traffic.addresses, ipv6Text(packet, 48));
}

function add(list: string[], address: string | undefined): void {
  if (address !== undefined && !list.includes(address) && list.length < MOST_ADDRESSES) list.push(address);
}

/** Undefined for 0.0.0.0. */
function ipv4Text(packet: Buffer, at: number): string | undefined {
  const bytes = packet.subarray(at, at + 4);
  return bytes.every((byte) => byte === 0) ? undefined : bytes.join('.');
}

/**
 * In the short form of RFC 5952; undefined for `::` and for link-local addresses (fe80::/10), which say nothing about
 * the network.
 */
function ipv6Text(packet: Buffer, at: number): string | undefined {
  const groups = Array.from({ length: 8 }, (_group, index) => packet.readUInt16BE(at + index * 2));
  if (groups.every((group) => group === 0) || ((groups[0] ?? 0) & 0xffc0) === 0xfe80) return undefined;
  // Node's URL parser produces the short form.
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);
}
