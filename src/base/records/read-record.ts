import { literal, looseObject, number, object, safeParse, type GenericSchema, type InferOutput } from 'valibot';
import type { ObjectEntries, ObjectSchema, LiteralSchema } from 'valibot';
import { SCHEMA_VERSION } from './schema-version.ts';

/** Returns the schema of a record that is stored in a file. */
export function recordSchema<Entries extends ObjectEntries>(
  entries: Entries,
): ObjectSchema<Entries & { schemaVersion: LiteralSchema<1, undefined> }, undefined> {
  return object({ schemaVersion: literal(SCHEMA_VERSION), ...entries });
}

/**
 * Returns the text of a record, with its version first. Contains all fields of `record`, so the caller must select
 * them.
 */
export function recordText(record: object, indent?: number): string {
  return `${JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...record }, undefined, indent)}\n`;
}

/**
 * Parses and validates the record in a text. Fields that are not in the schema are dropped. Undefined for text that is
 * not JSON, or not such a record. Records of releases without `schemaVersion` have the fields of version 1, and are
 * read as such.
 */
export function readRecord<Schema extends GenericSchema>(
  text: string,
  schema: Schema,
): InferOutput<Schema> | undefined {
  const value = parseJson(text);
  const result = safeParse(schema, isObject(value) ? { schemaVersion: SCHEMA_VERSION, ...value } : value);
  return result.success ? result.output : undefined;
}

const VERSIONED = looseObject({ schemaVersion: number() });

/** Returns the version of a record that a later release wrote; undefined for any other text. */
export function laterVersion(text: string): number | undefined {
  const result = safeParse(VERSIONED, parseJson(text));
  return result.success && result.output.schemaVersion > SCHEMA_VERSION ? result.output.schemaVersion : undefined;
}

/**
 * Parses and validates JSON text from other programs. Undefined for text that is not JSON or does not match the schema.
 */
export function readJson<Schema extends GenericSchema>(text: string, schema: Schema): InferOutput<Schema> | undefined {
  const result = safeParse(schema, parseJson(text));
  return result.success ? result.output : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
