import { isIPv4 } from 'node:net';
import { isLocalAddress, type GuestNetNic } from '../../base/guest-net.ts';

/** The static addresses that virt-v2v is to set in Windows. */
export interface StaticAddresses {
  /** The values of `--mac`, one for each address. */
  mac: string[];
  /** Sentences about addresses that cannot be set. */
  warnings: string[];
}

/**
 * Windows binds addresses to the network adapter, which it loses with its driver. virt-v2v(1) sets them by MAC address:
 * `--mac MAC:ip:ADDRESS,GATEWAY,PREFIX,DNS…`. It needs the gateway if there is a prefix length, and Windows refuses to
 * set the same gateway twice. So one IPv4 and one IPv6 address can be set for each NIC, if it has a gateway.
 */
export function staticAddressesOf(nics: readonly GuestNetNic[]): StaticAddresses {
  const result: StaticAddresses = { mac: [], warnings: [] };
  for (const { mac, addresses, gateways, dns } of nics) {
    const isDone = { ipv4: false, ipv6: false };
    for (const { address, prefix, origin } of addresses) {
      if (origin !== 'manual' || isLocalAddress(address)) continue;
      const kind = isIPv4(address) ? 'ipv4' : 'ipv6';
      const gateway = gateways.find((each) => isIPv4(each) === (kind === 'ipv4'));
      const obstacle = isDone[kind]
        ? 'virt-v2v sets one such address for each NIC'
        : prefix === undefined
          ? 'its prefix length is not known'
          : gateway === undefined
            ? 'virt-v2v sets no address without a gateway'
            : undefined;
      if (obstacle === undefined) {
        isDone[kind] = true;
        result.mac.push(`${mac}:ip:${[address, gateway, prefix, ...dns].join(',')}`);
      } else {
        result.warnings.push(`The static address ${address} of the NIC ${mac} is not kept: ${obstacle}.`);
      }
    }
  }
  return result;
}
