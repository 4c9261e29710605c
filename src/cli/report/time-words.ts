import { formatDuration, formatRate } from '../../base/text/amounts.ts';

/** The time that a summary counts as the work, such as copying the disks, and the total time. */
export interface WorkTime {
  bytes: number;
  workSeconds: number;
  /** Including the steps before and after: a snapshot, the guest fix. */
  seconds: number;
}

/** A smaller difference is not worth a second number. */
const LEAST_REST_SECONDS = 1;

/** The time and rate of the work, and the total time if that is longer: `<1s, 3.1 GiB/s; 13m 13s in all`. */
export function timeWords({ bytes, workSeconds, seconds }: WorkTime): string {
  const rate = workSeconds > 0 ? `, ${formatRate(bytes / workSeconds)}` : '';
  const rest = seconds - workSeconds >= LEAST_REST_SECONDS ? `; ${formatDuration(seconds)} in all` : '';
  return `${formatDuration(workSeconds)}${rate}${rest}`;
}
