/** A line of a console is rarely longer; what is, is cut into pieces, so that a guest cannot fill the memory. */
const LONGEST_LINE = 4096;
/** An escape sequence that is longer is text. */
const LONGEST_ESCAPE = 64;

const LINE_ENDS = new Set(['\n', '\r']);
const ESC = '\u001b';
const BEL = '\u0007';
/** ECMA-48, without the ESC before them: control sequences; strings (a window's title), which BEL or another ESC ends; escapes of two or three characters. */
const CONTROL_SEQUENCE = /^\[[0-?]*[ -/]*([@-~])/;
const STRING_START = /^[\]PX^_]/;
const SHORT_ESCAPE = /^[ -/]*[0-~]/;
/** Sequences that put the cursor elsewhere or clear the screen (CUU, CUD, CNL, CPL, CUP, ED, HVP): what follows is another line. */
const MOVES = new Set(['A', 'B', 'E', 'F', 'H', 'J', 'f']);

/**
 * Makes lines of what a guest writes to its serial port: escape sequences go, and where they move the cursor a line ends. Takes the bytes in pieces of any size.
 */
export class ConsoleLines {
  readonly #decoder = new TextDecoder();
  #line = '';
  /** What has come of an escape sequence, without its ESC; undefined outside one. */
  #escape: string | undefined;

  /**
   * Each line that `piece` has changed, in order: those that it ends, and last the one that is still open, such as a prompt. Empty lines are left out.
   */
  linesIn(piece: Uint8Array): string[] {
    const lines: string[] = [];
    for (const character of this.#decoder.decode(piece, { stream: true })) {
      if (character === ESC) this.#escape = '';
      // One that was cut off must not swallow the next line.
      else if (LINE_ENDS.has(character)) this.#endLine(lines);
      else if (this.#escape !== undefined) this.#takeEscape(this.#escape + character, lines);
      else this.#take(character, lines);
    }
    if (this.isOpen) lines.push(this.#line);
    return lines;
  }

  /** True when the last line that `linesIn` gave has not ended. */
  get isOpen(): boolean {
    return this.#line.trim() !== '';
  }

  #take(character: string, lines: string[]): void {
    if (character === '\b') this.#line = this.#line.slice(0, -1);
    else if (character >= ' ' || character === '\t') this.#line += character;
    if (this.#line.length >= LONGEST_LINE) this.#endLine(lines);
  }

  #takeEscape(escape: string, lines: string[]): void {
    const final = CONTROL_SEQUENCE.exec(escape)?.[1];
    if (final !== undefined && MOVES.has(final)) this.#endLine(lines);
    const isWhole = STRING_START.test(escape)
      ? escape.endsWith(BEL)
      : final !== undefined || (!escape.startsWith('[') && SHORT_ESCAPE.test(escape));
    this.#escape = isWhole || escape.length > LONGEST_ESCAPE ? undefined : escape;
  }

  #endLine(lines: string[]): void {
    if (this.isOpen) lines.push(this.#line);
    this.#line = '';
    this.#escape = undefined;
  }
}
