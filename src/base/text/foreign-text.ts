/** Longer than any known message of vCenter, ESXi, QEMU or libguestfs. */
const MOST_CHARACTERS = 1000;

/**
 * Sanitizes text from a server or another program for use in a message: one line of limited length. Such text can be
 * megabytes long, and a line feed in it could look like the start of a separate message.
 */
export function foreignText(text: string, most = MOST_CHARACTERS): string {
  return shortened(text, most).replace(/\s+/g, ' ').trim();
}

/** Truncates a text that is too long, and appends how much is left out. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  // Removes half of a surrogate pair, which is not a valid character.
  const start = text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
  return `${start}… (${text.length - start.length} more characters)`;
}
