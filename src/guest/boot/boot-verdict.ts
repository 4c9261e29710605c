import type { FailureSign } from './observe/console-signs.ts';
import { isAddressed, type NicTraffic } from './observe/nic-traffic.ts';

/** All that a boot can be failed for: what the console said, or what the machine did. */
export type BootFailure = FailureSign | 'powered-off' | 'restarts';

/** What has been seen so far; times are seconds since the machine started. */
export interface BootSigns {
  loginSeconds: number | undefined;
  agentSeconds: number | undefined;
  /** Of each NIC, its first frame. */
  frameSeconds: (number | undefined)[];
  /** Of each NIC, what it sent. */
  traffic: NicTraffic[];
  /** `words` for people; `text` is the console's line. */
  failure: { failure: BootFailure; words: string; text: string; seconds: number } | undefined;
  restarts: number;
}

export interface BootPatience {
  /** In all. */
  timeoutSeconds: number;
  /** For the network of a guest that is up. */
  networkSeconds: number;
  /** With several NICs, after the last of them sent its first frame: for the addresses of all. */
  addressSeconds: number;
  /** After the first frame, for a login prompt or a failure: an initramfs can use the network too. */
  afterFrameSeconds: number;
}

/**
 * `booted`: a login prompt, an answer of the guest agent, or a network that is in use while nothing has failed. `failed`: something that the guest
 * does not come out of by itself. `no-sign`: neither, until the time was up.
 */
export type BootVerdict = 'booted' | 'failed' | 'no-sign';

/** A relabelling of SELinux and a first start of an ESP's fallback loader restart a guest once each. */
export const MOST_RESTARTS = 4;

/** The verdict that holds at `nowSeconds`; undefined as long as waiting can change it. */
export function verdictOf(signs: BootSigns, nowSeconds: number, patience: BootPatience): BootVerdict | undefined {
  if (signs.failure !== undefined) return 'failed';
  const isOver = nowSeconds >= patience.timeoutSeconds;
  const upSeconds = earliest([signs.loginSeconds, signs.agentSeconds]);
  const firstFrame = earliest(signs.frameSeconds);
  if (upSeconds !== undefined) {
    return isNetworkKnown(signs, nowSeconds, patience) || isOver || nowSeconds - upSeconds >= patience.networkSeconds
      ? 'booted'
      : undefined;
  }
  if (firstFrame !== undefined) {
    return isOver || nowSeconds - firstFrame >= patience.afterFrameSeconds ? 'booted' : undefined;
  }
  return isOver ? 'no-sign' : undefined;
}

/** All NICs were heard. Of several, the addresses are known too, by which one can tell whether each is on its own network. */
function isNetworkKnown({ frameSeconds, traffic }: BootSigns, nowSeconds: number, patience: BootPatience): boolean {
  const heard = frameSeconds.filter((seconds) => seconds !== undefined);
  if (heard.length < frameSeconds.length) return false;
  return heard.length < 2 || traffic.every(isAddressed) || nowSeconds - Math.max(...heard) >= patience.addressSeconds;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
