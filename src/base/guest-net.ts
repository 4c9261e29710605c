import { isIP, isIPv6 } from 'node:net';
import {
  array,
  boolean,
  check,
  exactOptional,
  integer,
  maxValue,
  minValue,
  number,
  object,
  optional,
  picklist,
  pipe,
  regex,
  string,
  type InferOutput,
} from 'valibot';
import { recordSchema } from './records/read-record.ts';

/**
 * How an address came to a NIC, in the words of the vSphere API (`NetIpConfigInfo.IpAddress.origin`). VMware Tools for
 * Linux report none, which is `unknown`.
 */
const ADDRESS_ORIGINS = ['manual', 'dhcp', 'linklayer', 'random', 'other', 'unknown'] as const;
export type AddressOrigin = (typeof ADDRESS_ORIGINS)[number];

export function isAddressOrigin(text: string | undefined): text is AddressOrigin {
  return ADDRESS_ORIGINS.some((origin) => origin === text);
}

const IpSchema = pipe(
  string(),
  check((text) => isIP(text) !== 0, 'Expected an IPv4 or IPv6 address'),
);

const AddressSchema = pipe(
  object({
    address: IpSchema,
    /** The prefix length. */
    prefix: exactOptional(pipe(number(), integer(), minValue(0), maxValue(128))),
    /** Whoever writes an address by hand means a static one. */
    origin: optional(picklist(ADDRESS_ORIGINS), 'manual'),
  }),
  check(({ address, prefix = 0 }) => isIPv6(address) || prefix <= 32, 'Expected a prefix of at most 32 for IPv4'),
);
export type GuestAddress = InferOutput<typeof AddressSchema>;

/** A NIC of a VM with the addresses that its guest used on VMware. Lists are in the order of the source. */
export const GuestNetNicSchema = object({
  mac: pipe(string(), regex(/^([\da-f]{2}:){5}[\da-f]{2}$/i, 'Expected a MAC address such as 00:50:56:01:02:03')),
  /** The name of the network on VMware. */
  network: exactOptional(string()),
  /** False for a NIC that was disconnected. */
  connected: exactOptional(boolean()),
  addresses: array(AddressSchema),
  /** The default gateways. */
  gateways: optional(array(IpSchema), []),
  /** The DNS servers. */
  dns: optional(array(IpSchema), []),
});
export type GuestNetNic = InferOutput<typeof GuestNetNicSchema>;

/** The file `NAME.guest-net.json`. Only `nics` is required of a file that is written by hand. */
export const GuestNetRecordSchema = recordSchema({
  vm: exactOptional(string()),
  instanceUuid: exactOptional(string()),
  /** ISO 8601, UTC. */
  readAt: exactOptional(string()),
  nics: array(GuestNetNicSchema),
});

/** What is known of the addresses of a guest. */
export interface GuestNet {
  /** In the order of the NICs of the VM; MAC addresses in lower case. */
  nics: readonly GuestNetNic[];
}

/** IPv6 in the short form of RFC 5952, and IPv4 as it is, so that equal addresses have equal texts. */
export function canonicalAddress(address: string): string {
  const [plain = ''] = address.split('%', 1);
  // Node's URL parser produces the short form.
  return isIPv6(plain) ? new URL(`http://[${plain}]`).hostname.slice(1, -1) : plain;
}

/** Loopback and link-local addresses (RFC 3927, RFC 4291): they say nothing about the network. */
export function isLocalAddress(address: string): boolean {
  const text = canonicalAddress(address);
  return /^(127\.|169\.254\.|0\.0\.0\.0$|fe[89ab][\da-f]:|::1?$)/.test(text);
}
