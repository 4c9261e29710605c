import type { BootTestNic } from './types.ts';

/** An address that one NIC sent from, though the guest's configuration gives it to another. */
export interface ForeignAddress {
  address: string;
  sentBy: string;
  configuredFor: string;
}

/** The addresses that came from another NIC than the one that they are configured for: its network is then another one too. */
export function foreignAddresses(nics: readonly BootTestNic[]): ForeignAddress[] {
  return nics.flatMap(({ mac, sent }) =>
    sent.addresses.flatMap((address) => {
      const owners = nics.filter(({ configured }) => configured?.includes(address)).map((nic) => nic.mac);
      const [configuredFor] = owners;
      return configuredFor === undefined || owners.includes(mac) ? [] : [{ address, sentBy: mac, configuredFor }];
    }),
  );
}
