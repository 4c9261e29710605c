/**
 * Formats a time for file names, in UTC and without fractions: `20261122T140102Z`. Names that start with it sort by
 * time.
 */
export function compactTime(time: Date): string {
  return time.toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
}
