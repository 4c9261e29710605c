import { formatDuration, formatRate } from '../../base/text/amounts.ts';

/** What a summary counts as the work, such as the copy of the disks, within all that was done. */
export interface WorkTime {
  bytes: number;
  workSeconds: number;
  /** With what came before and after: a snapshot, the fix of the guest. */
  seconds: number;
}

/** Less than this is not worth a second number. */
const LEAST_REST_SECONDS = 1;

/** The time of the work and its rate, and the time of everything where that is longer: `<1s, 3.1 GiB/s; 13m 13s in all`. */
export function timeWords({ bytes, workSeconds, seconds }: WorkTime): string {
  const rate = workSeconds > 0 ? `, ${formatRate(bytes / workSeconds)}` : '';
  const rest = seconds - workSeconds >= LEAST_REST_SECONDS ? `; ${formatDuration(seconds)} in all` : '';
  return `${formatDuration(workSeconds)}${rate}${rest}`;
}
