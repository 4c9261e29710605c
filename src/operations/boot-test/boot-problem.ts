import { formatDuration } from '../../base/text/amounts.ts';
import { foreignAddresses } from './exchanged-networks.ts';
import type { BootTestResult } from './types.ts';

type Found = Omit<BootTestResult, 'problem'>;

/** A sentence for each NIC that does not use the address that is expected of it. */
export function addressDifferences({ verdict, nics }: Pick<Found, 'verdict' | 'nics'>): string[] {
  if (verdict !== 'booted') return [];
  return nics.flatMap(({ mac, address }) => (address.isDifferent ? [`The NIC ${mac}: ${address.words}.`] : []));
}

/**
 * Why a boot test fails to prove the guest; undefined if the guest came up and its NICs, if any, were heard on their
 * own networks.
 */
export function problemOf(
  found: Found,
  { isDisk }: { isDisk: boolean },
  requireAddresses = false,
): BootTestResult['problem'] {
  const { name, verdict, failure, networkUp, seconds, serialLog, picture } = found;
  const look = `See ${picture === null ? '' : `${picture} and `}${serialLog}.`;
  if (failure !== undefined) {
    // A standalone disk image does not record the firmware that it was installed for.
    const isOther = isDisk && found.firmware === 'bios' && isFirmwareFailure(failure.kind);
    const key = failure.kind === 'passphrase-prompt' ? 'Give its passphrase with --key all:file:PATH. ' : '';
    const firmware = isOther ? 'A disk that was installed for UEFI needs --firmware uefi. ' : '';
    return {
      message: `${name} did not come up: ${failure.words}, after ${formatDuration(failure.seconds)}.`,
      hint: `${key}${firmware}${look}`,
    };
  }
  if (verdict === 'no-sign') {
    return {
      message: `${name} gave no sign of life in ${formatDuration(seconds)}: no frame, no login prompt, no guest agent.`,
      hint: `${look} If the guest needs more time, increase --timeout.`,
    };
  }
  const [foreign] = foreignAddresses(found.nics);
  if (foreign !== undefined) {
    const { address, sentBy, configuredFor } = foreign;
    return {
      message: `${name} came up, but ${address} was sent by the NIC ${sentBy} and is configured for ${configuredFor}.`,
      hint: 'The NIC names in the guest follow another order than on VMware: bind them to MAC addresses in the guest.',
    };
  }
  if (networkUp === false) {
    return {
      message: `${name} came up, but its NICs sent nothing in ${formatDuration(seconds)}.`,
      hint: `Its network is configured for another NIC or name, or not at all. ${look}`,
    };
  }
  return requireAddresses ? addressProblem(found) : undefined;
}

/** An address that cannot be compared is not proved either. */
function addressProblem(found: Found): BootTestResult['problem'] {
  const { name, nics } = found;
  const differences = addressDifferences(found);
  if (differences.length > 0) {
    return {
      message: `${name} came up with other addresses than expected. ${differences.join(' ')}`,
      hint: 'Correct the network configuration in the guest. Without --boot-test-addresses, this is a warning.',
    };
  }
  if (nics.length === 0 || nics.some(({ address }) => address.verdict !== 'not-compared')) return undefined;
  return {
    message: `${name} came up, but there are no addresses to compare with those of its NICs.`,
    hint: 'Export the guest while it runs, or describe its addresses in a file for --guest-net.',
  };
}

function isFirmwareFailure(kind: string): boolean {
  return kind === 'no-boot-device' || kind === 'no-boot-loader' || kind === 'uefi-shell';
}
