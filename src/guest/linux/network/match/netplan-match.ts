import { isMap, isScalar, isSeq, parseDocument, visit, type Document, type Pair, type YAMLMap } from 'yaml';
import { readMac } from '../../../inspect/interface-name.ts';
import { hasDriver, hasMac, matchedNics, type RewrittenMatches, type SourceNic } from './source-nics.ts';

/** A range of the text and its replacement. */
interface Edit {
  start: number;
  end: number;
  text: string;
}

/** A definition in `ethernets:` that matches by driver. */
interface Definition {
  id: string;
  pair: Pair;
  ethernets: YAMLMap;
  body: YAMLMap;
  match: YAMLMap;
  driver: Pair;
}

/**
 * Rewrites `driver:` in the matches of a netplan file to `macaddress:`, and leaves the rest identical to the byte.
 * netplan accepts one MAC address, so a definition for several NICs is repeated for each of them.
 */
export function rewriteNetplanMatch(text: string, nics: readonly SourceNic[]): RewrittenMatches {
  const nothing = { text, details: [], problems: [] };
  if (!/\bdriver\b/.test(text)) return nothing;
  const document = parseDocument(text, { logLevel: 'silent', uniqueKeys: false });
  if (document.errors.length > 0) return { ...nothing, problems: ['the file is not valid YAML, and stays as it is'] };
  const details: string[] = [];
  const problems: string[] = [];
  const edits: Edit[] = [];
  for (const definition of definitionsIn(document)) {
    const patterns = wordsOf(definition.driver.value);
    const words = `driver: ${patterns.join(', ')} of ${definition.id}`;
    const known = wordsOf(definition.match.get('macaddress', true)).flatMap((word) => readMac(word) ?? []);
    const found = matchedNics(nics, [hasDriver(patterns), ...(known.length === 0 ? [] : [hasMac(known)])]);
    const obstacle =
      'unknown' in found ? found.unknown : found.macs.length > 1 ? obstacleToRepeat(document, definition) : undefined;
    if (obstacle !== undefined) problems.push(`${words} is not changed, because ${obstacle}`);
    if ('unknown' in found || obstacle !== undefined || found.macs.length === 0) continue;
    edits.push(...editsOf(text, definition, { macs: found.macs, hasAddress: known.length > 0 }));
    details.push(`${words} → macaddress: ${found.macs.join(', ')}`);
  }
  return { text: applyEdits(text, edits), details, problems };
}

function definitionsIn(document: Document): Definition[] {
  const ethernets = document.getIn(['network', 'ethernets'], true);
  if (!isMap(ethernets)) return [];
  return ethernets.items.flatMap((pair) => {
    const { key, value: body } = pair;
    const match = isMap(body) ? body.get('match', true) : undefined;
    if (!isScalar(key) || !isMap(body) || !isMap(match)) return [];
    const driver = match.items.find((each) => isScalar(each.key) && each.key.value === 'driver');
    return driver === undefined ? [] : [{ id: String(key.value), pair, ethernets, body, match, driver }];
  });
}

/** Why a definition cannot be repeated for each NIC. */
function obstacleToRepeat(document: Document, { id, pair, ethernets, body }: Definition): string | undefined {
  if (body.has('set-name')) return 'it sets one name for several NICs';
  if (ethernets.flow === true) return 'it is in braces, and several NICs match';
  let uses = 0;
  visit(document, {
    Scalar: (_key, node) => {
      if (node !== pair.key && String(node.value) === id) uses += 1;
    },
  });
  return uses > 0 ? `several NICs match, and other definitions use ${id}` : undefined;
}

function editsOf(
  text: string,
  { id, pair, body, match, driver }: Definition,
  { macs, hasAddress }: { macs: readonly string[]; hasAddress: boolean },
): Edit[] {
  const place = rangeOf(text, driver.key, driver.value);
  if (hasAddress) return [removal(text, place, match.flow === true)];
  const [first, ...more] = macs;
  const start = lineStart(text, rangeOf(text, pair.key, pair.key).start);
  const end = lineEnd(text, rangeOf(text, body, body).end);
  const key = rangeOf(text, pair.key, pair.key);
  const copies = more.map((mac, index) =>
    applyEdits(text.slice(start, end), [
      { start: key.start - start, end: key.end - start, text: JSON.stringify(`${id}-${index + 2}`) },
      { start: place.start - start, end: place.end - start, text: `macaddress: "${mac}"` },
    ]),
  );
  return [
    { ...place, text: `macaddress: "${first}"` },
    ...(copies.length === 0 ? [] : [{ start: end, end, text: copies.map((copy) => `\n${copy}`).join('') }]),
  ];
}

/** From the start of the first node to the last visible character of the second. */
function rangeOf(text: string, from: unknown, to: unknown): Omit<Edit, 'text'> {
  const [start = 0] = nodeRange(from);
  const [, end = start] = nodeRange(to);
  return { start, end: start + text.slice(start, end).trimEnd().length };
}

function nodeRange(node: unknown): readonly number[] {
  return isScalar(node) || isMap(node) || isSeq(node) ? (node.range ?? []) : [];
}

function removal(text: string, { start, end }: Omit<Edit, 'text'>, isFlow: boolean): Edit {
  if (!isFlow) return { start: lineStart(text, start), end: Math.min(lineEnd(text, end) + 1, text.length), text: '' };
  const [after = ''] = /^\s*,\s*/.exec(text.slice(end)) ?? [];
  const [before = ''] = after === '' ? (/,\s*$/.exec(text.slice(0, start)) ?? []) : [];
  return { start: start - before.length, end: end + after.length, text: '' };
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  return edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((whole, { start, end, text: added }) => whole.slice(0, start) + added + whole.slice(end), text);
}

/** The words of a scalar or of a sequence of scalars. */
function wordsOf(node: unknown): string[] {
  if (isScalar(node)) return [String(node.value)];
  return isSeq(node) ? node.items.flatMap((item) => (isScalar(item) ? [String(item.value)] : [])) : [];
}
