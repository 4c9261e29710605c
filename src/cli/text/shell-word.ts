import { shellWord as quoted } from '../../base/text/shell-word.ts';
import { safeText } from './safe-text.ts';

/** `text` quoted as one word of a command line that the user can copy. */
export function shellWord(text: string): string {
  return quoted(safeText(text));
}
