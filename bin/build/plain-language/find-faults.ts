import { readFileSync } from 'node:fs';
import { parseSync } from '@swc/core';

/** A phrase that texts for users do not use, and what to write instead. */
export interface Word {
  pattern: RegExp;
  write: string;
}

export interface Fault {
  /** Counted from 1. */
  line: number;
  found: string;
  write: string;
}

/** The list in words.json. To extend it, add a pattern that does not match good English. */
export function readWordList(): Word[] {
  const text = readFileSync(new URL('words.json', import.meta.url), 'utf8');
  const entries: { pattern: string; write: string }[] = JSON.parse(text);
  return entries.map(({ pattern, write }) => ({ pattern: new RegExp(pattern, 'giu'), write }));
}

/** Faults in the string and template literals of TypeScript. A literal without a space is a name or a path and not checked; neither are comments. */
export function faultsInSource(source: string, words: readonly Word[]): Fault[] {
  // Positions of swc are byte offsets that count on from file to file. The empty statement shows where this file begins.
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

/** Faults in the text of a Markdown file. Code blocks, code spans and the targets of links are not checked. */
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

/** The literals below a node of swc's tree. Imports are left out. */
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

/** The same lines without their text. */
function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}
