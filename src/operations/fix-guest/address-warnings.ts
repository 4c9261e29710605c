import { canonicalAddress, isLocalAddress, type GuestNet } from '../../base/guest-net.ts';
import type { ConfiguredNic } from '../../guest/change.ts';
import { checkLine, type BootReport } from '../../guest/contract/boot-check.ts';

/**
 * Sentences about the static addresses of a Linux guest that will not be as on VMware: because their configuration does
 * not apply to a NIC of the VM, is for another NIC, or was not found.
 */
export function addressWarnings(
  { checks }: BootReport,
  configured: readonly ConfiguredNic[],
  guestNet: GuestNet | undefined,
): string[] {
  const judged = checks.filter(({ area, addresses }) => area === 'network' && addresses !== undefined);
  const lost = judged
    .filter(({ verdict, isAdvisory }) => verdict !== 'ready' && isAdvisory !== true)
    .map((check) => {
      const words = (check.addresses ?? []).join(', ');
      return check.verdict === 'unknown'
        ? `Whether the static address ${words} is set after the move cannot be judged: ${checkLine(check)}`
        : `The static address ${words} is not set after the move: ${checkLine(check)}`;
    });
  const inFiles = new Set(judged.flatMap(({ addresses = [] }) => addresses));
  const ownersOf = (address: string): string[] =>
    configured.filter(({ addresses }) => addresses.map(canonicalAddress).includes(address)).map(({ mac }) => mac);
  const moved = (guestNet?.nics ?? []).flatMap(({ mac, addresses }) =>
    addresses.flatMap(({ address, origin }) => {
      const owners = ownersOf(address);
      if (owners.includes(mac) || isLocalAddress(address)) return [];
      if (owners.length > 0) {
        return [`${address} was on the NIC ${mac} on VMware, and is configured for ${owners.join(', ')}.`];
      }
      if (origin !== 'manual' || inFiles.has(address)) return [];
      return [`${address} of the NIC ${mac} is static on VMware, and was found in no configuration of the guest.`];
    }),
  );
  return [...new Set([...lost, ...moved])];
}
