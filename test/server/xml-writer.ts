import { DataObject, EnumValue, MoRef, ValueArray, type PlainValue, type Value } from './value.ts';

/** Elements whose declared type is a base class or `anyType`, so the server must state the actual type. */
const NEEDS_TYPE = new Set([
  'backing',
  'bootOrder',
  'connection',
  'device',
  'deviceInfo',
  'fault',
  'reason',
  'result',
  'val',
  'value',
]);
/** Elements declared as `anyType`. Scalars in them state their type, too. */
const ANY_TYPE = new Set(['result', 'val', 'value']);

/** Writes a value as an element, a list as one element per item, and an unset value as nothing. */
export function writeElement(name: string, value: Value): string {
  if (value === undefined) return '';
  if (ANY_TYPE.has(name)) return writeAnyElement(name, value);
  if (value instanceof ValueArray) return value.items.map((item) => writeElement(name, item)).join('');
  return writeOne(name, value, false, NEEDS_TYPE.has(name));
}

/** Writes a value that the API declares as `anyType`: with its type, and a list as one `ArrayOf…`. */
export function writeAnyElement(name: string, value: Value): string {
  if (value === undefined) return '';
  if (value instanceof ValueArray) {
    const itemName = value.itemType;
    const items = value.items.map((item) => writeItem(itemName, item)).join('');
    return `<${name} xsi:type="ArrayOf${capitalized(value.itemType)}">${items}</${name}>`;
  }
  return writeOne(name, value, true, true);
}

export function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Writes an item of an `ArrayOf…`. Its element is named after the declared type, and states its own type if that differs. */
function writeItem(itemName: string, item: PlainValue): string {
  return writeOne(itemName, item, false, item instanceof DataObject && item.type !== itemName);
}

function writeOne(name: string, value: PlainValue, anyType: boolean, needsType: boolean): string {
  if (value instanceof MoRef) {
    const type = anyType ? ' xsi:type="ManagedObjectReference"' : '';
    return `<${name} type="${value.type}"${type}>${escapeText(value.value)}</${name}>`;
  }
  if (value instanceof DataObject) {
    const fields = Object.entries(value.fields).map(([field, fieldValue]) => writeElement(field, fieldValue));
    return `<${name}${needsType ? ` xsi:type="${value.type}"` : ''}>${fields.join('')}</${name}>`;
  }
  if (value instanceof ValueArray) throw new TypeError(`a list inside a list: ${name}`);
  const [type, text] = scalar(value);
  return `<${name}${anyType ? ` xsi:type="${type}"` : ''}>${escapeText(text)}</${name}>`;
}

function scalar(value: string | number | bigint | boolean | Date | EnumValue): [type: string, text: string] {
  if (value instanceof EnumValue) return [value.type, value.text];
  if (value instanceof Date) return ['xsd:dateTime', value.toISOString()];
  if (typeof value === 'boolean') return ['xsd:boolean', String(value)];
  if (typeof value === 'bigint') return ['xsd:long', String(value)];
  if (typeof value === 'number') return ['xsd:int', String(value)];
  return ['xsd:string', value];
}

function capitalized(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
