import type { BootTestNic } from './types.ts';

/** An address that one NIC sent from although the guest's configuration assigns it to another NIC. */
export interface ForeignAddress {
  address: string;
  sentBy: string;
  configuredFor: string;
}

/** The addresses that a NIC other than the configured one sent from. Such a NIC is on the wrong network too. */
export function foreignAddresses(nics: readonly BootTestNic[]): ForeignAddress[] {
  return nics.flatMap(({ mac, sent }) =>
    sent.addresses.flatMap((address) => {
      const owners = nics.filter(({ configured }) => configured?.includes(address)).map((nic) => nic.mac);
      const [configuredFor] = owners;
      return configuredFor === undefined || owners.includes(mac) ? [] : [{ address, sentBy: mac, configuredFor }];
    }),
  );
}
