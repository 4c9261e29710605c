import { invalidRequest } from './fault.ts';
import { DATA_TYPES } from './request-schema.ts';
import { MoRef } from './value.ts';
import type { XmlElement } from './xml-reader.ts';

type ArgumentValue = string | number | boolean | MoRef | RequestObject;

interface Field {
  name: string;
  type: string;
  optional: boolean;
  repeated: boolean;
}

/** The arguments of a call, or a data object in them, validated against the schema. */
export class RequestObject {
  /** The name of the data type or method. */
  readonly type: string;
  readonly #values: ReadonlyMap<string, ArgumentValue[]>;

  constructor(type: string, values: ReadonlyMap<string, ArgumentValue[]>) {
    this.type = type;
    this.#values = values;
  }

  string(name: string): string {
    return this.optionalString(name) ?? '';
  }

  optionalString(name: string): string | undefined {
    const value = this.#first(name);
    return typeof value === 'string' ? value : undefined;
  }

  strings(name: string): string[] {
    return this.#all(name).filter((value) => typeof value === 'string');
  }

  /** An `int` or a `long`. */
  number(name: string): number | undefined {
    const value = this.#first(name);
    return typeof value === 'number' ? value : undefined;
  }

  /** False when the field is unset. */
  boolean(name: string): boolean {
    return this.optionalBoolean(name) === true;
  }

  optionalBoolean(name: string): boolean | undefined {
    const value = this.#first(name);
    return typeof value === 'boolean' ? value : undefined;
  }

  ref(name: string): MoRef {
    const value = this.optionalRef(name);
    if (value === undefined) throw new TypeError(`the schema lets ${name} be unset`);
    return value;
  }

  optionalRef(name: string): MoRef | undefined {
    const value = this.#first(name);
    return value instanceof MoRef ? value : undefined;
  }

  refs(name: string): MoRef[] {
    return this.#all(name).filter((value) => value instanceof MoRef);
  }

  objects(name: string): RequestObject[] {
    return this.#all(name).filter((value) => value instanceof RequestObject);
  }

  #all(name: string): ArgumentValue[] {
    return this.#values.get(name) ?? [];
  }

  #first(name: string): ArgumentValue | undefined {
    return this.#all(name)[0];
  }
}

/**
 * Reads the children of an element as the fields of `specs`.
 * @throws an `InvalidRequest` fault for a misplaced, unknown or missing field, as on a real server
 */
export function readArguments(type: string, specs: readonly string[], elements: readonly XmlElement[]): RequestObject {
  const fields = specs.map(parseField);
  const values = new Map<string, ArgumentValue[]>();
  let place = 0;
  for (const element of elements) {
    const found = fields.findIndex((field, index) => index >= place && field.name === element.name);
    const field = fields[found];
    if (field === undefined) throw misplaced(type, element.name, fields);
    const seen = values.get(field.name);
    if (seen !== undefined && !field.repeated) throw invalidRequest(`${type}: more than one "${field.name}"`);
    values.set(field.name, [...(seen ?? []), readValue(type, field, element)]);
    place = found;
  }
  const missing = fields.find((field) => !field.optional && !field.repeated && !values.has(field.name));
  if (missing !== undefined) throw invalidRequest(`Required property ${missing.name} is missing from ${type}`);
  return new RequestObject(type, values);
}

function misplaced(type: string, name: string, fields: Field[]): Error {
  const expected = fields.map((field) => field.name).join(', ');
  return fields.some((field) => field.name === name)
    ? invalidRequest(`Element "${name}" stands in the wrong place in ${type}: the order is ${expected}`)
    : invalidRequest(`Unexpected element "${name}" in ${type}: it has ${expected === '' ? 'no fields' : expected}`);
}

function parseField(spec: string): Field {
  const match = /^(\w+): (\w+)(\?|\[\])?$/.exec(spec);
  if (match === null) throw new TypeError(`bad field in the schema: ${spec}`);
  const [, name = '', type = '', mark] = match;
  return { name, type, optional: mark === '?', repeated: mark === '[]' };
}

function readValue(owner: string, field: Field, element: XmlElement): ArgumentValue {
  const bad = () => invalidRequest(`"${element.text}" is no ${field.type}, which ${owner}.${field.name} has to be`);
  switch (field.type) {
    case 'string':
      return element.text;
    case 'any':
      return element.xsiType ?? element.name;
    case 'int':
    case 'long': {
      if (!/^\s*[+-]?\d+\s*$/.test(element.text)) throw bad();
      return Number(element.text);
    }
    case 'boolean': {
      const text = element.text.trim();
      if (!['true', 'false', '1', '0'].includes(text)) throw bad();
      return text === 'true' || text === '1';
    }
    case 'ref': {
      if (element.type === undefined || element.children.length > 0) throw bad();
      return new MoRef(element.type, element.text.trim());
    }
    default:
      return readDataObject(field.type, element);
  }
}

function readDataObject(declared: string, element: XmlElement): RequestObject {
  const type = element.xsiType ?? declared;
  if (!lineage(type).includes(declared)) throw invalidRequest(`"${type}" is no ${declared}`);
  const specs = lineage(type).flatMap((name) => DATA_TYPES[name]?.fields ?? []);
  return readArguments(type, specs, element.children);
}

/** Returns a data type and its base types, the base first. */
function lineage(type: string): string[] {
  const definition = DATA_TYPES[type];
  if (definition === undefined) return [];
  return definition.extends === undefined ? [type] : [...lineage(definition.extends), type];
}
