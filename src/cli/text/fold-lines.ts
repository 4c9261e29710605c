import { textWidth, wrapWords } from './text-width.ts';

/** Lines indented this far are printed verbatim: commands, console lines. */
const VERBATIM = /^ {4}/;
const HANGING = '  ';

/**
 * Wraps lines at spaces when they are wider than the terminal, which would break them inside words. Continuation lines
 * are indented by two more columns. Without a `width`, for a pipe or a file, lines are unchanged.
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

/** Like {@link foldLines}, for a multi-line text that is written to `stream`. */
export function foldText(text: string, stream: { isTTY?: boolean; columns?: number }): string {
  const width = stream.isTTY ? stream.columns || 80 : undefined;
  return foldLines(text.split('\n'), width).join('\n');
}
