/** A field of a table's line, and its new value. */
export interface Renamed {
  from: string;
  to: string;
}

/**
 * The text of a table (`fstab`, `crypttab`, `swaps` on old systems) with the device in column `column` renamed.
 * Spaces, comments and line ends stay identical to the byte. `rename` receives the fields of a line, and returns the
 * new name or undefined to keep the old one.
 */
export function renameInTable(
  text: string,
  column: number,
  rename: (fields: readonly string[]) => string | undefined,
): { text: string; renamed: Renamed[] } {
  const renamed: Renamed[] = [];
  const lines = text.split('\n').map((line) => {
    const pieces = line.split(/(\s+)/);
    const first = pieces[0] === '' ? 2 : 0;
    const at = first + 2 * column;
    const fields = pieces
      .filter((_, index) => index >= first && (index - first) % 2 === 0)
      .filter((field) => field !== '');
    const from = pieces[at];
    if (from === undefined || from === '' || fields[0]?.startsWith('#')) return line;
    const to = rename(fields);
    if (to === undefined || to === from) return line;
    renamed.push({ from, to });
    pieces[at] = to;
    return pieces.join('');
  });
  return { text: lines.join('\n'), renamed };
}
