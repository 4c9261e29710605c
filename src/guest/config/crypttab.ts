/** A line of `/etc/crypttab` (crypttab(5)). */
export interface CrypttabEntry {
  /** The volume becomes `/dev/mapper/NAME`. */
  name: string;
  /** The encrypted device, as written. */
  source: string;
  /** `none` and `-` are undefined: the guest prompts for the passphrase. */
  keyFile: string | undefined;
  options: readonly string[];
  /** Counted from 1. */
  line: number;
}

/** The entries of a crypttab; comments and lines without a device are skipped. */
export function parseCrypttab(text: string): CrypttabEntry[] {
  return text.split('\n').flatMap((each, index) => {
    const [name, source, key = 'none', options = ''] = each.trim().split(/\s+/);
    if (name === undefined || name.startsWith('#') || source === undefined) return [];
    const keyFile = ['none', '-', ''].includes(key) ? undefined : key;
    return [{ name, source, keyFile, options: options.split(',').filter(Boolean), line: index + 1 }];
  });
}
