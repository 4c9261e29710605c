/** A node of a YAML document: a scalar, a mapping or a list. */
export interface YamlNode {
  text: string | undefined;
  entries: ReadonlyMap<string, YamlNode>;
  items: readonly YamlNode[];
  /** Counted from 1. */
  line: number;
}

interface Line {
  indent: number;
  content: string;
  number: number;
}

/** No network configuration has more levels. */
const MOST_LEVELS = 20;

/**
 * The YAML subset of netplan and cloud-init configurations: block mappings, block lists, and flow mappings and lists
 * on one line. Undefined for anything else: anchors, tags, multi-line scalars.
 */
export function readYaml(text: string): YamlNode | undefined {
  const lines = text.split('\n').flatMap((raw, index): Line[] => {
    const content = raw.replace(/(^|\s)#.*$/, '').trimEnd();
    if (content.trim() === '' || content === '---' || content.startsWith('%')) return [];
    return [{ indent: content.length - content.trimStart().length, content: content.trim(), number: index + 1 }];
  });
  try {
    const reader = new BlockReader(lines);
    const node = reader.block(0);
    return reader.isAtEnd ? node : undefined;
  } catch (error) {
    if (error instanceof UnreadYamlError) return undefined;
    throw error;
  }
}

class UnreadYamlError extends Error {}

class BlockReader {
  readonly #lines: readonly Line[];
  #at = 0;

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#lines.length;
  }

  /** The mapping or list that begins at the current line and extends over the lines with its indentation. */
  block(level: number): YamlNode {
    const first = this.#lines[this.#at];
    if (level > MOST_LEVELS) throw new UnreadYamlError();
    const entries = new Map<string, YamlNode>();
    const items: YamlNode[] = [];
    for (let line = first; line !== undefined && line.indent === first?.indent; line = this.#lines[this.#at]) {
      if (/^-(\s|$)/.test(line.content)) items.push(this.#item(line));
      else entries.set(...this.#entry(line, level));
    }
    return { text: undefined, entries, items, line: first?.number ?? 1 };
  }

  #entry(line: Line, level: number): [string, YamlNode] {
    const [, quoted, plain, value = ''] =
      /^(?:["']([^"']*)["']|([^\s"'{[&*!|>][^:]*(?::\S[^:]*)*?))\s*:(?:\s+(.*))?$/.exec(line.content) ?? [];
    const key = quoted ?? plain;
    if (key === undefined) throw new UnreadYamlError();
    this.#at += 1;
    if (value !== '') return [key, readFlow(value, line.number)];
    const next = this.#lines[this.#at];
    const isNested =
      next !== undefined &&
      (next.indent > line.indent || (next.indent === line.indent && /^-(\s|$)/.test(next.content)));
    if (!isNested) return [key, textNode('', line.number)];
    if (next.indent === line.indent) return [key, this.#listAt(next.indent)];
    return [key, { ...this.block(level + 1), line: line.number }];
  }

  /** A list may have the same indentation as its key. */
  #listAt(indent: number): YamlNode {
    const items: YamlNode[] = [];
    const line = this.#lines[this.#at]?.number ?? 1;
    for (
      let next = this.#lines[this.#at];
      next?.indent === indent && /^-(\s|$)/.test(next.content);
      next = this.#lines[this.#at]
    ) {
      items.push(this.#item(next));
    }
    return { text: undefined, entries: new Map(), items, line };
  }

  /** The content of mappings in lists is skipped: it has no keys of NICs. */
  #item(line: Line): YamlNode {
    this.#at += 1;
    while ((this.#lines[this.#at]?.indent ?? -1) > line.indent) this.#at += 1;
    return textNode(line.content.replace(/^-\s*/, '').replace(/^(["'])(.*)\1$/, '$2'), line.number);
  }
}

/** A value on the same line as its key. */
function readFlow(text: string, line: number): YamlNode {
  if (/^[&*!|>]/.test(text)) throw new UnreadYamlError();
  const isMapping = text.startsWith('{');
  if (!isMapping && !text.startsWith('[')) return textNode(text.replace(/^(["'])(.*)\1$/, '$2'), line);
  if (!text.endsWith(isMapping ? '}' : ']')) throw new UnreadYamlError();
  const parts = splitFlow(text.slice(1, -1));
  if (!isMapping)
    return { text: undefined, entries: new Map(), items: parts.map((part) => readFlow(part, line)), line };
  const entries = new Map(
    parts.map((part): [string, YamlNode] => {
      const [, key, value = ''] = /^["']?([^"':]+)["']?\s*:\s*(.*)$/.exec(part) ?? [];
      if (key === undefined) throw new UnreadYamlError();
      return [key.trim(), readFlow(value, line)];
    }),
  );
  return { text: undefined, entries, items: [], line };
}

/** Splits at commas outside quotes and nested brackets. */
function splitFlow(text: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  let quote = '';
  for (const character of text) {
    if (quote === '' && depth === 0 && character === ',') {
      parts.push('');
      continue;
    }
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if ('{['.includes(character)) depth += 1;
    else if ('}]'.includes(character)) depth -= 1;
    parts.push(`${parts.pop() ?? ''}${character}`);
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

function textNode(text: string, line: number): YamlNode {
  return { text, entries: new Map(), items: [], line };
}
