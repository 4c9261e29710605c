import { formatDuration } from '../../base/text/amounts.ts';
import { foreignAddresses } from './exchanged-networks.ts';
import type { BootTestResult } from './types.ts';

type Found = Omit<BootTestResult, 'problem'>;

/** Why a boot test is no proof; undefined when the guest came up and its NICs, if it has any, were heard on their own networks. */
export function problemOf(found: Found, { isDisk }: { isDisk: boolean }): BootTestResult['problem'] {
  const { name, verdict, failure, networkUp, seconds, serialLog, picture } = found;
  const look = `Look at ${picture === null ? '' : `${picture} and `}${serialLog}.`;
  if (failure !== undefined) {
    // A lone disk does not tell which firmware it was installed for.
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
      hint: `${look} A guest that needs longer gets it with --timeout.`,
    };
  }
  const [foreign] = foreignAddresses(found.nics);
  if (foreign !== undefined) {
    const { address, sentBy, configuredFor } = foreign;
    return {
      message: `${name} came up, but ${address} was sent by the NIC ${sentBy}, and is configured for ${configuredFor}.`,
      hint: 'The guest’s names of its NICs follow another order than on VMware: bind them to the MAC addresses in the guest.',
    };
  }
  if (networkUp === false) {
    return {
      message: `${name} came up, but nothing was heard from its network cards in ${formatDuration(seconds)}.`,
      hint: `Its network is configured for another card or name, or for none. ${look}`,
    };
  }
  return undefined;
}

function isFirmwareFailure(kind: string): boolean {
  return kind === 'no-boot-device' || kind === 'no-boot-loader' || kind === 'uefi-shell';
}
