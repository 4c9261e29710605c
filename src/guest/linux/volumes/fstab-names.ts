/** A field of a line of a table, and what it becomes. */
export interface Renamed {
  from: string;
  to: string;
}

/**
 * The text of a table (`fstab`, `crypttab`, `swaps` of old systems) with the device in column `column` of its lines renamed. Spaces, comments and line
 * ends stay to the byte. `rename` sees the fields of a line, and gives the name or undefined when it stays.
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
