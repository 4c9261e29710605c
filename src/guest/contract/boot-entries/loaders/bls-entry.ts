import type { KernelWord, SourcePlace } from '../boot-entry.ts';

/** One line of an entry: a key and its value. */
export interface BlsLine extends SourcePlace {
  key: string;
  value: string;
}

/** An entry of the Boot Loader Specification ("Type #1 Boot Loader Specification Entries"). */
export interface BlsEntry {
  file: string;
  /** The file name without `.conf` and without the boot counter (`+3-0`). */
  id: string;
  lines: readonly BlsLine[];
}

/** Parses the lines of an entry. Comments and lines without a value are skipped. */
export function parseBls(text: string, file: string): BlsEntry {
  const name = file.slice(file.lastIndexOf('/') + 1).replace(/\.conf$/, '');
  const lines = text.split('\n').flatMap((line, index) => {
    const [, key, value] = /^\s*([A-Za-z][\w-]*)[ \t]+(.*?)\s*$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key, value, file, line: index + 1 }];
  });
  return { file, id: name.replace(/\+\d+(-\d+)?$/, ''), lines };
}

/** The last value of a key that must occur once; undefined if it is missing. */
export function blsValue(entry: BlsEntry, key: string): BlsLine | undefined {
  return entry.lines.findLast((line) => line.key === key);
}

/** All values of a key that may be repeated, such as `initrd` and `options`. */
export function blsValues(entry: BlsEntry, key: string): BlsLine[] {
  return entry.lines.filter((line) => line.key === key);
}

/**
 * The words of the `options` lines. `variable` returns the words of a variable for GRUB, which expands variables in
 * them; for a loader without variables it is omitted.
 */
export function blsOptions(
  entry: BlsEntry,
  variable?: (name: string) => readonly KernelWord[] | undefined,
): KernelWord[] {
  return blsValues(entry, 'options').flatMap(({ value, file, line }) =>
    (value.match(/(?:"[^"]*"?|[^\s"])+/g) ?? []).flatMap((text): readonly KernelWord[] => {
      const [, name] = /^\$\{?([A-Za-z_]\w*)\}?$/.exec(text) ?? [];
      if (name === undefined || !variable) return [{ text, file, line }];
      return variable(name) ?? [];
    }),
  );
}

/**
 * The order of a menu: by version, newest first, compared as in RPM. GRUB's `blscfg` and systemd-boot order entries
 * almost the same way.
 */
export function newestFirst(a: string, b: string): number {
  const [left, right] = [versionParts(a), versionParts(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [x, y] = [left[at], right[at]];
    if (x === y) continue;
    if (x === '~' || y === '~') return x === '~' ? 1 : -1;
    if (x === undefined || y === undefined) return x === undefined ? 1 : -1;
    const [isX, isY] = [/^\d/.test(x), /^\d/.test(y)];
    if (isX !== isY) return isX ? -1 : 1;
    if (!isX) return x < y ? 1 : -1;
    const difference = BigInt(y) - BigInt(x);
    if (difference !== 0n) return difference > 0n ? 1 : -1;
  }
  return 0;
}

function versionParts(text: string): string[] {
  return text.match(/\d+|[A-Za-z]+|~/g) ?? [];
}
