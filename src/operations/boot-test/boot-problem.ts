import { formatDuration } from '../../base/amounts.ts';
import type { BootTestResult } from './types.ts';

type Found = Omit<BootTestResult, 'problem'>;

/** Why a boot test is no proof; undefined when the guest came up and was heard on its network, or has no card. */
export function problemOf(found: Found, { isDisk }: { isDisk: boolean }): BootTestResult['problem'] {
  const { name, verdict, failure, networkUp, seconds, serialLog, picture } = found;
  const look = `Look at ${picture === null ? '' : `${picture} and `}${serialLog}.`;
  if (failure !== undefined) {
    // A lone disk does not tell which firmware it was installed for.
    const isOther = isDisk && found.firmware === 'bios' && isFirmwareFailure(failure.kind);
    const firmware = isOther ? 'A disk that was installed for UEFI needs --firmware uefi. ' : '';
    return {
      message: `${name} did not come up: ${failure.words}, after ${formatDuration(failure.seconds)}.`,
      hint: `${firmware}${look}`,
    };
  }
  if (verdict === 'no-sign') {
    return {
      message: `${name} gave no sign of life in ${formatDuration(seconds)}: no frame, no login prompt, no guest agent.`,
      hint: `${look} A guest that needs longer gets it with --timeout.`,
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
