import { Hyper2kvmError } from '../../base/errors.ts';

const BINARY_UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };
const DURATION_UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
/** One day: more than any limit here needs, and far below the 2^31 - 1 ms that a Node timer supports. */
const LONGEST_MS = 24 * 3_600_000;

/**
 * `50M`, `1.5G`, `800K`, `65536`: bytes per second, in binary units.
 * @throws usage error that names `flag`.
 */
export function readRate(flag: string, text: string): number {
  const rate = Math.floor(bytesOf(text.trim().replace(/\/s$/i, '')));
  if (!(rate >= 1)) throw wrong(flag, text, 'bytes per second, such as 50M, 800K or 65536');
  return rate;
}

/**
 * `90s`, `2m`, `1m30s`, `1h`: returns milliseconds, from 1 s to 24 h. A number without a unit is in seconds, or in
 * `bareUnit`.
 */
export function readDuration(flag: string, text: string, { bareUnit = 's' }: { bareUnit?: 's' | 'm' } = {}): number {
  const ms = Math.round(msOf(text.trim().toLowerCase(), bareUnit));
  if (!(ms >= 1000 && ms <= LONGEST_MS)) throw wrong(flag, text, 'a time from 1s to 24h, such as 90s, 10m or 1m30s');
  return ms;
}

/** NaN for a text that is not a time. */
function msOf(text: string, bareUnit: 's' | 'm'): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*([smh]?)/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join('') === text;
  // Only the only part may be without a unit.
  if (!isWhole || (parts.length > 1 && parts.some(([, , unit]) => unit === ''))) return NaN;
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (DURATION_UNITS[unit || bareUnit] ?? NaN), 0);
}

/** Bytes with a binary unit: `64K`, `1.5G`, `2TiB`. NaN for a text that is not a size. */
function bytesOf(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  return Number(number) * (BINARY_UNITS[unit?.toUpperCase() ?? ''] ?? NaN);
}

/** An integer from `least` to `most`. */
export function readCount(flag: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw wrong(flag, text, `an integer from ${least} to ${most}`);
  return value;
}

/** `64K`, `2M`, `1.5G`, `65536`: bytes from `least` to `most`, in binary units. */
export function readSize(flag: string, text: string, least: number, most: number): number {
  const bytes = bytesOf(text.trim());
  if (!(bytes >= least && bytes <= most && Number.isInteger(bytes))) {
    throw wrong(flag, text, `a size from ${shortSize(least)} to ${shortSize(most)}, such as 64K`);
  }
  return bytes;
}

/** `0640`, `640`: a file mode in octal. The owner must have read and write access; execute permission is refused. */
export function readMode(flag: string, text: string): number {
  const mode = /^0?[0-7]{3}$/.test(text.trim()) ? Number.parseInt(text, 8) : NaN;
  if ((mode & 0o600) !== 0o600 || (mode & 0o111) !== 0) {
    throw wrong(flag, text, 'octal permissions from 0600 to 0666 without execution, such as 0640');
  }
  return mode;
}

/** One of `choices`, in exactly that spelling. */
export function readChoice<Choice extends string>(flag: string, text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((name) => name === text);
  if (choice === undefined) throw wrong(flag, text, `one of ${choices.join(', ')}`);
  return choice;
}

/** In a form that {@link readSize} accepts. */
function shortSize(bytes: number): string {
  const unit = ['T', 'G', 'M', 'K'].find((name) => bytes % (BINARY_UNITS[name] ?? NaN) === 0);
  return unit === undefined ? String(bytes) : `${bytes / (BINARY_UNITS[unit] ?? NaN)}${unit}`;
}

function wrong(flag: string, text: string, wanted: string): Hyper2kvmError {
  return new Hyper2kvmError('usage', `${flag} must be ${wanted}, not "${text}".`);
}
