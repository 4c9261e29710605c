import { textWidth, wrapWords } from './text-width.ts';

/** What is indented so far is to be copied as it stands: commands, lines of a console. */
const VERBATIM = /^ {4}/;
const HANGING = '  ';

/**
 * Lines for people, folded at spaces where they are wider than the terminal, which would break them inside words; further lines of one stand
 * two columns deeper. Without a `width`, for a pipe or a file, each is as it was.
 */
export function foldLines(lines: readonly string[], width: number | undefined): string[] {
  return width === undefined ? [...lines] : lines.flatMap((line) => foldLine(line, width));
}

function foldLine(line: string, width: number): string[] {
  if (textWidth(line) <= width || VERBATIM.test(line)) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  const [first = '', ...more] = wrapWords(line.slice(indent.length), width - indent.length - HANGING.length);
  return [indent + first, ...more.map((words) => indent + HANGING + words)];
}

/** As {@link foldLines}, for a text of several lines that is written to `stream`. */
export function foldText(text: string, stream: { isTTY?: boolean; columns?: number }): string {
  const width = stream.isTTY ? stream.columns || 80 : undefined;
  return foldLines(text.split('\n'), width).join('\n');
}
