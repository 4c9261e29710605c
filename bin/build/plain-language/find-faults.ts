import { readFileSync } from 'node:fs';
import { parseSync } from '@swc/core';

/** A phrase that texts for users must not contain, and its replacement. */
export interface Word {
  pattern: RegExp;
  write: string;
}

export interface Fault {
  /** 1-based. */
  line: number;
  found: string;
  write: string;
}

/** Reads words.json. To extend it, add a pattern that does not match correct English. */
export function readWordList(): Word[] {
  const text = readFileSync(new URL('words.json', import.meta.url), 'utf8');
  const entries: { pattern: string; write: string }[] = JSON.parse(text);
  return entries.map(({ pattern, write }) => ({ pattern: new RegExp(pattern, 'giu'), write }));
}

/**
 * Returns the faults in the string and template literals of TypeScript. Comments and literals without a space, which
 * are names or paths, are not checked.
 */
export function faultsInSource(source: string, words: readonly Word[]): Fault[] {
  // swc's positions are byte offsets that continue from file to file. The empty statement marks the start of this file.
  const program = parseSync(`;${source}`, { syntax: 'typescript' });
  const start = (program.body[0]?.span.start ?? 0) + 1;
  const bytes = Buffer.from(source);
  const faults: Fault[] = [];
  for (const { text, position } of literals(program.body)) {
    if (!text.includes(' ')) continue;
    const line = lineAt(bytes.toString('utf8', 0, position - start));
    faults.push(...faultsIn(text, line, words));
  }
  return faults;
}

/** Returns the faults in a Markdown text. Code blocks, code spans and link targets are not checked. */
export function faultsInMarkdown(text: string, words: readonly Word[]): Fault[] {
  const prose = text
    .replaceAll(/^```[^]*?^```/gm, blank)
    .replaceAll(/`[^`\n]*`/g, blank)
    .replaceAll(/\]\([^)\n]*\)/g, blank);
  return faultsIn(prose, 1, words);
}

function faultsIn(text: string, firstLine: number, words: readonly Word[]): Fault[] {
  return words.flatMap(({ pattern, write }) =>
    [...text.matchAll(pattern)].map(({ 0: found, index }) => ({
      line: firstLine + lineAt(text.slice(0, index)) - 1,
      found: found.trim(),
      write,
    })),
  );
}

/** Yields the literals below a node of swc's AST, except those in imports. */
function* literals(node: unknown): Generator<{ text: string; position: number }> {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const each of node) yield* literals(each);
    return;
  }
  const { type, span, value, raw, source }: Record<string, unknown> = { ...node };
  if (source !== undefined && source !== null) return;
  const position = startOf(span);
  if (type === 'StringLiteral' && typeof value === 'string') yield { text: value, position };
  else if (type === 'TemplateElement' && typeof raw === 'string') yield { text: raw, position };
  else for (const child of Object.values(node)) yield* literals(child);
}

function startOf(span: unknown): number {
  return typeof span === 'object' && span !== null && 'start' in span && typeof span.start === 'number'
    ? span.start
    : 0;
}

function lineAt(before: string): number {
  return before.split('\n').length;
}

/** Returns the same number of lines without their text. */
function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}
