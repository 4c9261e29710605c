import { stripVTControlCharacters } from 'node:util';

/** Characters that terminals draw two columns wide: the W and F classes of Unicode's EastAsianWidth, in coarse ranges, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\u200b-\u200d]+$/u;
const PLAIN = /^[\x20-\x7e]*$/;

const segmenter = new Intl.Segmenter();

/** Columns that `text` takes in a terminal. Escape sequences count nothing. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return graphemes(stripVTControlCharacters(text)).reduce((sum, grapheme) => sum + graphemeWidth(grapheme), 0);
}

/** `text` in at most `width` columns, its end cut off behind an ellipsis. For text without escape sequences. */
export function cutEnd(text: string, width: number, ellipsis = '…'): string {
  if (textWidth(text) <= width) return text;
  if (width < ellipsis.length) return '';
  return takeStart(graphemes(text), width - ellipsis.length) + ellipsis;
}

/** `text` in at most `width` columns, cut in the middle: the ends of names and paths tell them apart. */
export function cutMiddle(text: string, width: number, ellipsis = '…'): string {
  if (textWidth(text) <= width) return text;
  if (width < ellipsis.length + 2) return cutEnd(text, width, ellipsis);
  const room = width - ellipsis.length;
  const all = graphemes(text);
  const end = takeStart(all.toReversed(), Math.ceil(room / 2));
  return takeStart(all, Math.floor(room / 2)) + ellipsis + graphemes(end).toReversed().join('');
}

/** `text` in lines of at most `width` columns, broken at spaces. A word longer than a line stays whole. */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** `text` with spaces after it, up to `width` columns. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}

/** `text` with spaces before it, up to `width` columns. */
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - textWidth(text))) + text;
}

function takeStart(all: readonly string[], width: number): string {
  let used = 0;
  let taken = '';
  for (const grapheme of all) {
    used += graphemeWidth(grapheme);
    if (used > width) break;
    taken += grapheme;
  }
  return taken;
}

function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function graphemeWidth(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2;
  return ZERO_WIDTH.test(grapheme) ? 0 : 1;
}
