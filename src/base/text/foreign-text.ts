/** Longer than any message of vCenter, ESXi, QEMU or libguestfs that was met. */
const MOST_CHARACTERS = 1000;

/**
 * A text of a server, or of another program, for a sentence of ours: one line, of limited length. What comes from outside can be megabytes long, and a line feed in it could
 * pass for the beginning of a line of our own.
 */
export function foreignText(text: string, most = MOST_CHARACTERS): string {
  return shortened(text, most).replace(/\s+/g, ' ').trim();
}

/** The beginning of a text that is too long, and how much is left out. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  // Half of a surrogate pair is no character.
  const start = text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
  return `${start}… (${text.length - start.length} more characters)`;
}
