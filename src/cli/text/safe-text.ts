/**
 * C0, DEL and C1 controls drive a terminal. Direction marks, line separators and zero-width characters make a name look
 * like another one. Joiners (U+200C, U+200D) are kept: scripts and emoji need them.
 */
const UNSAFE = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** Makes text from a server or a file name safe for a terminal: an unsafe character becomes a visible `\x1b` or `\u202e`. */
export function safeText(text: string): string {
  return text.replace(UNSAFE, visible);
}

/**
 * Like {@link safeText}, for a multi-line message. Line feeds are kept, and lines after the first are indented, so that
 * none looks like a separate message.
 */
export function safeLines(text: string): string {
  return text
    .split('\n')
    .map(safeText)
    .join('\n')
    .replaceAll(/\n(?! {2})/g, '\n  ');
}

function visible(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
