import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

const PLAIN = /^[\x20-\x7e]*$/;

const segmenter = new Intl.Segmenter();

/** The number of terminal columns of `text`. Escape sequences have no width. */
export function textWidth(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

/** `text` in at most `width` columns, with its end replaced by an ellipsis. For text without escape sequences. */
export function cutEnd(text: string, width: number, ellipsis = '…'): string {
  if (textWidth(text) <= width) return text;
  if (width < ellipsis.length) return '';
  return takeStart(graphemes(text), width - ellipsis.length) + ellipsis;
}

/** `text` in at most `width` columns, cut in the middle: the ends of names and paths distinguish them. */
export function cutMiddle(text: string, width: number, ellipsis = '…'): string {
  if (textWidth(text) <= width) return text;
  if (width < ellipsis.length + 2) return cutEnd(text, width, ellipsis);
  const room = width - ellipsis.length;
  const all = graphemes(text);
  const end = takeStart(all.toReversed(), Math.ceil(room / 2));
  return takeStart(all, Math.floor(room / 2)) + ellipsis + graphemes(end).toReversed().join('');
}

/** `text` in lines of at most `width` columns, broken at spaces. A word longer than a line is not broken. */
export function wrapWords(text: string, width: number): string[] {
  return wrapAnsi(text, Math.max(1, width), { hard: false }).split('\n');
}

/** `text` padded with trailing spaces to `width` columns. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}

/** `text` padded with leading spaces to `width` columns. */
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - textWidth(text))) + text;
}

function takeStart(all: readonly string[], width: number): string {
  let used = 0;
  let taken = '';
  for (const grapheme of all) {
    used += textWidth(grapheme);
    if (used > width) break;
    taken += grapheme;
  }
  return taken;
}

function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
