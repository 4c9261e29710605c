import type { FailureSign } from './observe/console-signs.ts';
import { isAddressed, type NicTraffic } from './observe/nic-traffic.ts';

/** Every reason for a failed boot: a message on the console, or an action of the VM. */
export type BootFailure = FailureSign | 'powered-off' | 'restarts';

/** The signs seen so far; times are seconds since the VM started. */
export interface BootSigns {
  loginSeconds: number | undefined;
  agentSeconds: number | undefined;
  /** The time of the first frame of each NIC. */
  frameSeconds: (number | undefined)[];
  /** The traffic of each NIC. */
  traffic: NicTraffic[];
  /** `words` is for people; `text` is the console line. */
  failure: { failure: BootFailure; words: string; text: string; seconds: number } | undefined;
  restarts: number;
}

export interface BootPatience {
  /** The total limit. */
  timeoutSeconds: number;
  /** How long to wait for the network after the guest is up. */
  networkSeconds: number;
  /** With several NICs or expected addresses: how long to wait for the addresses of all, after the last of them sent its first frame. */
  addressSeconds: number;
  /** In NIC order: the addresses that the guest is expected to use. They are waited for with one NIC, too. */
  expected?: readonly (readonly string[])[] | undefined;
  /**
   * How long to wait for a login prompt or a failure after the first frame, since an initramfs can use the network
   * too.
   */
  afterFrameSeconds: number;
}

/**
 * `booted`: a login prompt, a reply of the guest agent, or network traffic without any failure. `failed`: a state
 * from which the guest does not recover without help. `no-sign`: neither within the time limit.
 */
export type BootVerdict = 'booted' | 'failed' | 'no-sign';

/** An SELinux relabelling and the first start of an ESP's fallback loader each restart a guest once. */
export const MOST_RESTARTS = 4;

/** The verdict at `nowSeconds`; undefined while waiting can still change it. */
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

/**
 * All NICs were heard. With several NICs or expected addresses, the addresses are also known, which show whether each
 * NIC is on its own network.
 */
function isNetworkKnown({ frameSeconds, traffic }: BootSigns, nowSeconds: number, patience: BootPatience): boolean {
  const heard = frameSeconds.filter((seconds) => seconds !== undefined);
  if (heard.length < frameSeconds.length) return false;
  const { expected = [] } = patience;
  const isNeeded = heard.length > 1 || (heard.length > 0 && expected.some((addresses) => addresses.length > 0));
  if (!isNeeded || traffic.every((each, index) => isAddressed(each, expected[index]))) return true;
  return nowSeconds - Math.max(...heard) >= patience.addressSeconds;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
