/**
 * The version of all records and JSON documents. It is incremented when a field is removed or changes its meaning, but
 * not when a field is added.
 * This file imports nothing: commands use it without loading the validator.
 */
export const SCHEMA_VERSION = 1;
