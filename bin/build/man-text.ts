/** A line of mdoc(7) source should not be longer. */
const WIDTH = 78;

/** Text as lines of mdoc source: each sentence on lines of its own, which is how formatters know where sentences end. */
export function prose(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+(?=[A-Z-])/)
    .flatMap((sentence) => folded(sentence.trim().split(/\s+/)))
    .map(literalStart);
}

/** A macro with one argument of any text. */
export function macro(name: string, argument: string): string {
  return `${name} ${literal(argument)}`;
}

/** Text as it stands, in a line of prose or of a macro: hyphens as they are typed in a shell, no escapes, and no word that is taken for a macro. */
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
  // mdoc takes words of two or three letters, the first one a capital, and lone marks of punctuation for its own.
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

/** A flag's dashes are those of a shell; other hyphens are those of the language. */
function proseWord(word: string): string {
  const escaped = word.replaceAll('\\', '\\e').replaceAll('’', "'").replaceAll('~', '\\(ti').replaceAll('^', '\\(ha');
  return /^[(]?-/.test(word) ? escaped.replaceAll('-', '\\-') : escaped;
}

/** A full stop or an apostrophe at the start of a line makes a request of it. */
function literalStart(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
