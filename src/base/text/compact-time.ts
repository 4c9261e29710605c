/** A time as names have it, in UTC and without a fraction: `20261122T140102Z`. Names that begin with it sort by time. */
export function compactTime(time: Date): string {
  return time.toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
}
