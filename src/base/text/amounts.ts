const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Formats bytes in binary units with at most four digits: `512 B`, `1.5 GiB`, `340 MiB`. At most 8 characters. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // Values from 1023.5 would be rounded to a four-digit 1024.
  while (value >= (unit === 0 ? 1024 : 1023.5) && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Formats bytes per second: `98.2 MiB/s`. At most 10 characters. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Formats a duration in its two largest units: `42s`, `1m 05s`, `2h 05m`, `3d 04h`. Less than a second is `<1s`. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return '<1s';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${twoDigits(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${twoDigits(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d ${twoDigits(Math.floor((whole % 86_400) / 3600))}h`;
}

/** Formats a count: `1 disk`, `3 disks`. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
