/** Recommended maximum length of a line of mdoc(7) source. */
const WIDTH = 78;

/**
 * Formats text as lines of mdoc source. Each sentence starts on a new line, because formatters detect the end of a
 * sentence at the end of a line.
 */
export function prose(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+(?=[A-Z-])/)
    .flatMap((sentence) => folded(sentence.trim().split(/\s+/)))
    .map(literalStart);
}

/** Formats a macro with one argument, which may be any text. */
export function macro(name: string, argument: string): string {
  return `${name} ${literal(argument)}`;
}

/** Escapes text that must appear unchanged in prose or in a macro: hyphens for the shell, no escape sequences, no words that are macro names. */
export function literal(text: string): string {
  const plain = text
    .replaceAll('\\', '\\e')
    .replaceAll('’', "'")
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll('`', '\\(ga');
  // mdoc treats words of two or three letters with an initial capital as macros, and single punctuation marks as delimiters.
  return plain.replace(/(^|\s)(?=[A-Z%][a-z0-9]{1,2}(\s|$)|[.,:;()[\]?!|](\s|$))/g, '$1\\&');
}

function folded(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words.map(proseWord)) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The dashes of a flag are ASCII hyphens for the shell. Other hyphens are typographic. */
function proseWord(word: string): string {
  const escaped = word.replaceAll('\\', '\\e').replaceAll('’', "'").replaceAll('~', '\\(ti').replaceAll('^', '\\(ha');
  return /^[(]?-/.test(word) ? escaped.replaceAll('-', '\\-') : escaped;
}

/** Escapes a period or an apostrophe at the start of a line, which would make the line a request. */
function literalStart(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
