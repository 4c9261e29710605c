/** The pattern of fnmatch(3) that udev, mdadm, systemd and netplan use: `*`, `?`, `[...]`. */
export function globPattern(glob: string): RegExp {
  const source = glob.replace(/\[(!|\^)?([^\]]+)\]|[\s\S]/g, (part, negated: string | undefined, set?: string) => {
    if (set !== undefined) return `[${negated ? '^' : ''}${set.replaceAll('\\', '\\\\')}]`;
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part.replace(/[\\^$.|+(){}[\]/-]/, '\\$&');
  });
  return new RegExp(`^(?:${source})$`, 's');
}

/** True if one of the alternatives that `|` separates, as in udev's rules, matches. */
export function matchesAlternatives(pattern: string, text: string): boolean {
  return pattern.split('|').some((glob) => globPattern(glob).test(text));
}
