import { safeText } from './safe-text.ts';

/** `text` as one word of a command line that a person may copy. */
export function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) && !text.startsWith('-') ? text : `'${safeText(text).replaceAll("'", `'\\''`)}'`;
}
