/** Console lines are rarely longer. Longer ones are split, so that a guest cannot exhaust the memory. */
const LONGEST_LINE = 4096;
/** A longer escape sequence is treated as text. */
const LONGEST_ESCAPE = 64;

const LINE_ENDS = new Set(['\n', '\r']);
const ESC = '\u001b';
const BEL = '\u0007';
/**
 * ECMA-48, without the leading ESC: control sequences; strings (such as a window title), which BEL or another ESC
 * ends; escapes of two or three characters.
 */
const CONTROL_SEQUENCE = /^\[[0-?]*[ -/]*([@-~])/;
const STRING_START = /^[\]PX^_]/;
const SHORT_ESCAPE = /^[ -/]*[0-~]/;
/**
 * Sequences that move the cursor or clear the screen (CUU, CUD, CNL, CPL, CUP, ED, HVP): the text after them is a new
 * line.
 */
const MOVES = new Set(['A', 'B', 'E', 'F', 'H', 'J', 'f']);

/**
 * Splits a guest's serial output into lines. Removes escape sequences; one that moves the cursor ends the line.
 * Accepts the bytes in pieces of any size.
 */
export class ConsoleLines {
  readonly #decoder = new TextDecoder();
  #line = '';
  /** The part of an escape sequence received so far, without its ESC; undefined outside a sequence. */
  #escape: string | undefined;

  /**
   * The lines that `piece` has changed, in order: the lines that it ends, then the line that is still open, such as a
   * prompt. Empty lines are left out.
   */
  linesIn(piece: Uint8Array): string[] {
    const lines: string[] = [];
    for (const character of this.#decoder.decode(piece, { stream: true })) {
      if (character === ESC) this.#escape = '';
      // A truncated escape sequence must not swallow the next line.
      else if (LINE_ENDS.has(character)) this.#endLine(lines);
      else if (this.#escape !== undefined) this.#takeEscape(this.#escape + character, lines);
      else this.#take(character, lines);
    }
    if (this.isOpen) lines.push(this.#line);
    return lines;
  }

  /** True if the last line that `linesIn` returned has not ended. */
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
    const isComplete = STRING_START.test(escape)
      ? escape.endsWith(BEL)
      : final !== undefined || (!escape.startsWith('[') && SHORT_ESCAPE.test(escape));
    this.#escape = isComplete || escape.length > LONGEST_ESCAPE ? undefined : escape;
  }

  #endLine(lines: string[]): void {
    if (this.isOpen) lines.push(this.#line);
    this.#line = '';
    this.#escape = undefined;
  }
}
