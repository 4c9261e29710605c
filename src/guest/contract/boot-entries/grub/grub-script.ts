/**
 * The language of `grub.cfg` (GNU GRUB manual, "Writing full configuration files directly"): a small shell. This file
 * parses a text into statements; `grub-config.ts` runs them.
 */

/** A piece of a word. Only unquoted variables are split at white space. */
export type WordPart = { text: string } | { variable: string; isQuoted: boolean };

export interface ScriptWord {
  line: number;
  parts: readonly WordPart[];
}

export type Statement =
  | { kind: 'command'; line: number; words: readonly ScriptWord[]; block?: readonly Statement[] }
  | { kind: 'if'; line: number; clauses: readonly Clause[]; otherwise: readonly Statement[] }
  | { kind: 'for'; line: number; variable: string; words: readonly ScriptWord[]; body: readonly Statement[] }
  | { kind: 'while'; line: number }
  | { kind: 'function'; line: number; name: string; body: readonly Statement[] };

interface Clause {
  condition: readonly Statement[];
  body: readonly Statement[];
}

/** A text that GRUB could not parse either. `line` is where parsing stopped. */
export class GrubSyntaxError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.name = 'GrubSyntaxError';
    this.line = line;
  }
}

type Token = { kind: 'word'; word: ScriptWord } | { kind: 'end' | 'open' | 'close'; line: number };

/** Nested menus and functions: no real file is deeper. */
const MOST_DEPTH = 32;

/**
 * Parses a script into statements.
 * @throws `GrubSyntaxError`.
 */
export function parseGrubScript(text: string): Statement[] {
  const parser = new Parser(tokensOf(text));
  const statements = parser.statements([]);
  parser.expectEnd();
  return statements;
}

/** Words, command terminators (`;` and line ends) and braces. */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === '\n' || char === ';') {
      tokens.push({ kind: 'end', line });
      if (char === '\n') line += 1;
      at += 1;
    } else if (/\s/.test(char)) at += 1;
    else if (char === '\\' && text[at + 1] === '\n') {
      at += 2;
      line += 1;
    } else if (char === '#') {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
    } else if ((char === '{' || char === '}') && /[\s;]|^$/.test(text[at + 1] ?? '')) {
      tokens.push({ kind: char === '{' ? 'open' : 'close', line });
      at += 1;
    } else {
      const read = readWord(text, at, line);
      tokens.push({ kind: 'word', word: { line, parts: read.parts } });
      line += text.slice(at, read.end).split('\n').length - 1;
      at = read.end;
    }
  }
  return tokens;
}

const VARIABLE = /\$(?:\{([^}\n]*)\}|([A-Za-z_]\w*|[0-9?@*#]))/y;

function readWord(text: string, start: number, line: number): { parts: WordPart[]; end: number } {
  const parts: WordPart[] = [];
  let plain = '';
  let isQuoted = false;
  let at = start;
  const flush = (): void => {
    if (plain !== '') parts.push({ text: plain });
    plain = '';
  };
  for (; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (!isQuoted && /[\s;]/.test(char)) break;
    if (char === "'" && !isQuoted) {
      const end = text.indexOf("'", at + 1);
      if (end < 0) throw new GrubSyntaxError(line, 'a quotation does not end');
      // An empty quoted string is a word too.
      parts.push({ text: plain + text.slice(at + 1, end) });
      plain = '';
      at = end;
    } else if (char === '"') {
      if (!isQuoted) parts.push({ text: '' });
      isQuoted = !isQuoted;
    } else if (char === '\\' && !(isQuoted && !/["$\\\n]/.test(text[at + 1] ?? ''))) {
      at += 1;
      if (text[at] !== '\n') plain += text[at] ?? '';
    } else if (char === '$') {
      VARIABLE.lastIndex = at;
      const [whole, braced, bare] = VARIABLE.exec(text) ?? [];
      if (whole === undefined) plain += char;
      else {
        flush();
        parts.push({ variable: braced ?? bare ?? '', isQuoted });
        at += whole.length - 1;
      }
    } else plain += char;
  }
  if (isQuoted) throw new GrubSyntaxError(line, 'a quotation does not end');
  flush();
  return { parts, end: at };
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  expectEnd(): void {
    const token = this.#tokens[this.#at];
    if (token) throw new GrubSyntaxError(lineOf(token), 'a block ends that was not begun');
  }

  /** Reads up to one of the keywords, which is not consumed, or a closing brace. */
  statements(until: readonly string[]): Statement[] {
    this.#depth += 1;
    if (this.#depth > MOST_DEPTH) throw new GrubSyntaxError(this.#line(), 'blocks are nested too deep');
    const found: Statement[] = [];
    for (;;) {
      while (this.#tokens[this.#at]?.kind === 'end') this.#at += 1;
      const token = this.#tokens[this.#at];
      if (!token || token.kind === 'close' || until.includes(keyword(token) ?? '')) break;
      found.push(this.#statement());
    }
    this.#depth -= 1;
    return found;
  }

  #statement(): Statement {
    const line = this.#line();
    const word = keyword(this.#tokens[this.#at]);
    if (word === 'if') return this.#conditional(line);
    if (word === 'for') return this.#loop(line);
    if (word === 'while' || word === 'until') {
      this.#at += 1;
      this.statements(['do']);
      this.#take('do');
      this.statements(['done']);
      this.#take('done');
      return { kind: 'while', line };
    }
    if (word === 'function') {
      this.#at += 1;
      const name = keyword(this.#tokens[this.#at]) ?? '';
      this.#at += 1;
      return { kind: 'function', line, name, body: this.#block() };
    }
    const words = this.#words();
    if (this.#tokens[this.#at]?.kind !== 'open') return { kind: 'command', line, words };
    return { kind: 'command', line, words, block: this.#block() };
  }

  #conditional(line: number): Statement {
    const clauses: Clause[] = [];
    let otherwise: Statement[] = [];
    this.#at += 1;
    for (;;) {
      const condition = this.statements(['then']);
      this.#take('then');
      clauses.push({ condition, body: this.statements(['elif', 'else', 'fi']) });
      const next = keyword(this.#tokens[this.#at]);
      if (next !== 'elif') break;
      this.#at += 1;
    }
    if (keyword(this.#tokens[this.#at]) === 'else') {
      this.#at += 1;
      otherwise = this.statements(['fi']);
    }
    this.#take('fi');
    return { kind: 'if', line, clauses, otherwise };
  }

  #loop(line: number): Statement {
    this.#at += 1;
    const variable = keyword(this.#tokens[this.#at]) ?? '';
    this.#at += 1;
    this.#take('in');
    const words = this.#words();
    while (this.#tokens[this.#at]?.kind === 'end') this.#at += 1;
    this.#take('do');
    const body = this.statements(['done']);
    this.#take('done');
    return { kind: 'for', line, variable, words, body };
  }

  #words(): ScriptWord[] {
    const words: ScriptWord[] = [];
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token?.kind !== 'word') return words;
      words.push(token.word);
      this.#at += 1;
    }
  }

  #block(): Statement[] {
    while (this.#tokens[this.#at]?.kind === 'end') this.#at += 1;
    if (this.#tokens[this.#at]?.kind !== 'open') throw new GrubSyntaxError(this.#line(), 'a block is missing');
    this.#at += 1;
    const body = this.statements([]);
    if (this.#tokens[this.#at]?.kind !== 'close') throw new GrubSyntaxError(this.#line(), 'a block does not end');
    this.#at += 1;
    return body;
  }

  #take(word: string): void {
    if (keyword(this.#tokens[this.#at]) !== word) throw new GrubSyntaxError(this.#line(), `${word} is missing`);
    this.#at += 1;
  }

  #line(): number {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1);
    return token ? lineOf(token) : 1;
  }
}

/** The text of a word without variables. */
function keyword(token: Token | undefined): string | undefined {
  if (token?.kind !== 'word') return undefined;
  const [only, ...more] = token.word.parts;
  return only && 'text' in only && more.length === 0 ? only.text : undefined;
}

function lineOf(token: Token): number {
  return token.kind === 'word' ? token.word.line : token.line;
}
