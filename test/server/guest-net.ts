import { arrayOf, data, strings, type DataObject, type Fields } from './value.ts';

/** What VMware Tools report of the guest's network. */
export interface GuestNetOptions {
  /** In the order of the guest, which is not that of the devices. */
  nics: readonly ReportedNic[];
  /** Default routes. `nic` is the index in `nics`. */
  gateways?: readonly { nic: number; address: string }[];
  /** DNS servers of the whole guest, as Linux has them. */
  dns?: readonly string[];
}

export interface ReportedNic {
  macAddress: string;
  /** The key of the device, such as 4000; -1 for an interface that the guest made. Default: -1. */
  deviceConfigId?: number;
  network?: string;
  connected?: boolean;
  addresses: readonly ReportedAddress[];
  /** False: older tools, which report the addresses only. */
  ipConfig?: boolean;
  /** DNS servers of the NIC, as Windows has them. */
  dns?: readonly string[];
  /** Whether the guest got its IPv4 address by DHCP, as Windows reports it. */
  dhcp?: boolean;
}

export interface ReportedAddress {
  address: string;
  prefix?: number;
  /** Windows reports it, Linux does not. */
  origin?: 'manual' | 'dhcp' | 'linklayer' | 'random' | 'other';
  /** Default: `preferred`. */
  state?: 'preferred' | 'deprecated' | 'tentative' | 'duplicate' | 'invalid';
}

/** The fields `net` and `ipStack` of `GuestInfo`, in the order of the API reference. */
export function guestNetFields(options: GuestNetOptions | undefined): Fields {
  if (options === undefined) return {};
  const { nics, gateways = [], dns } = options;
  const routes = gateways.map(({ nic, address }) => route(address.includes(':') ? '::' : '0.0.0.0', 0, nic, address));
  return {
    net: arrayOf('GuestNicInfo', nics.map(nicInfo)),
    ipStack: arrayOf('GuestStackInfo', [
      data('GuestStackInfo', {
        dnsConfig: dns && dnsConfig(dns),
        ipRouteConfig: data('NetIpRouteConfigInfo', {
          ipRoute: arrayOf('NetIpRouteConfigInfoIpRoute', [route('192.0.2.0', 24, 0), ...routes]),
        }),
      }),
    ]),
  };
}

function nicInfo(nic: ReportedNic): DataObject {
  const { macAddress, deviceConfigId = -1, network, connected = true, addresses, ipConfig = true, dns, dhcp } = nic;
  return data('GuestNicInfo', {
    network,
    ipAddress: strings(addresses.map(({ address }) => address)),
    macAddress,
    connected,
    deviceConfigId,
    dnsConfig: dns && dnsConfig(dns),
    ipConfig: ipConfig
      ? data('NetIpConfigInfo', {
          ipAddress: arrayOf('NetIpConfigInfoIpAddress', addresses.map(ipAddress)),
          dhcp:
            dhcp === undefined
              ? undefined
              : data('NetDhcpConfigInfo', { ipv4: data('NetDhcpConfigInfoDhcpOptions', { enable: dhcp }) }),
        })
      : undefined,
  });
}

function ipAddress({ address, prefix = 24, origin, state = 'preferred' }: ReportedAddress): DataObject {
  return data('NetIpConfigInfoIpAddress', {
    ipAddress: address,
    prefixLength: prefix,
    origin,
    state,
  });
}

/** `device` is the index of the NIC; a route to a connected network has no gateway address. */
function route(network: string, prefixLength: number, nic: number, address?: string): DataObject {
  const gateway = data('NetIpRouteConfigInfoGateway', { ipAddress: address, device: String(nic) });
  return data('NetIpRouteConfigInfoIpRoute', { network, prefixLength, gateway });
}

function dnsConfig(servers: readonly string[]): DataObject {
  return data('NetDnsConfigInfo', {
    dhcp: false,
    hostName: 'guest',
    domainName: 'example.com',
    ipAddress: strings(servers),
    searchDomain: strings(['example.com']),
  });
}
