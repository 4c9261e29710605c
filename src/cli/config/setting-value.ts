import { join } from 'node:path';
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { nearWord } from '../text/near-word.ts';
import type { KeyType } from './known-keys.ts';
import type { SettingValue } from './profile.ts';

/** The value, or a description of the expected value. The actual value is not quoted, because it may be a password. */
export type SettingReading = { value: SettingValue } | { wanted: string; hint?: string };

type TextType = Extract<KeyType, { type: 'text' }>;

/** Reads the value of a key; `home` is the expansion of `~/` in a path. */
export function readSetting(
  node: Node | null | (Node | null)[],
  type: KeyType,
  home: string | undefined,
): SettingReading {
  if (type.type === 'boolean') {
    if (isScalar(node) && typeof node.value === 'boolean') return { value: node.value };
    return { wanted: 'true or false' };
  }
  if (Array.isArray(node)) return type.multiple ? readList(node, type, home) : { wanted: 'a single value, not a list' };
  if (type.hasOptionalValue && isScalar(node) && typeof node.value === 'boolean') return { value: node.value };
  const reading = readText(node, type, home);
  return 'value' in reading && type.multiple ? { value: [reading.value] } : reading;
}

function readList(nodes: readonly (Node | null)[], type: TextType, home: string | undefined): SettingReading {
  const readings = nodes.map((node) => readText(node, type, home));
  const wrong = readings.find((reading) => !('value' in reading));
  if (wrong !== undefined) return wrong;
  return { value: readings.flatMap((reading) => ('value' in reading ? [reading.value] : [])) };
}

function readText(
  node: Node | null,
  type: TextType,
  home: string | undefined,
): { value: string } | { wanted: string; hint?: string } {
  const text = textOf(node);
  if (text === undefined) return wantedText(node, type);
  if (type.options !== undefined && !type.options.includes(text)) {
    const near = nearWord(text, type.options);
    const wanted = `one of ${type.options.join(', ')}`;
    return near === undefined ? { wanted } : { wanted, hint: `Did you mean ${near}?` };
  }
  if (type.isPath && home !== undefined && text.startsWith('~/')) return { value: join(home, text.slice(2)) };
  return { value: text };
}

/** The source text of a number: a password may begin with zeros. */
function textOf(node: Node | null): string | undefined {
  if (!isScalar(node)) return undefined;
  if (typeof node.value === 'string') return node.value === '' ? undefined : node.value;
  return typeof node.value === 'number' || typeof node.value === 'bigint' ? node.source : undefined;
}

function wantedText(
  node: Node | null,
  { multiple, hasOptionalValue, options }: TextType,
): { wanted: string; hint?: string } {
  const choice = options === undefined ? 'a string or a number' : `one of ${options.join(', ')}`;
  const wanted = `${choice}${multiple ? ', or a list of them' : ''}${hasOptionalValue ? ', or true' : ''}`;
  if (isScalar(node) && typeof node.value === 'boolean')
    return { wanted, hint: 'Quote it if it is meant as a string.' };
  if (node === null || isScalar(node)) return { wanted, hint: 'Remove the key if there is nothing to set.' };
  return { wanted: isMap(node) || isSeq(node) ? `${wanted}, without nested keys` : wanted };
}
