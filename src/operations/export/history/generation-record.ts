import { lstat, readdir } from 'node:fs/promises';
import { readOwnFile } from '../../../base/files/own-file.ts';
import { basename, join } from 'node:path';
import { array, check, number, optional, pipe, safeInteger, string, type InferOutput } from 'valibot';
import { readRecord, recordSchema } from '../../../base/records/read-record.ts';

/** UTC, to the second. No other name is treated as a generation. */
const NAME = /^\d{8}T\d{6}Z$/;
/** File name of the record in a generation. */
export const GENERATION_RECORD = '.hyper2kvm-generation';

/** The record in each generation, which identifies its folder as created by this program. */
export const GenerationRecordSchema = recordSchema({
  /** The folder's name. A copy of the folder under another name is not a generation. */
  name: string(),
  /** Increases with each generation. Unlike the time in the name, it does not depend on the clock. */
  number: pipe(number(), safeInteger()),
  /** Identity of the VM. */
  identity: string(),
  job: optional(string(), ''),
  /** The names of the files in the generation. */
  files: array(
    pipe(
      string(),
      check((file) => basename(file) === file, 'a name without a folder'),
    ),
  ),
});
export type GenerationRecord = Omit<InferOutput<typeof GenerationRecordSchema>, 'schemaVersion'>;

/** The folder of the newest generation of a VM; undefined when there is none. Changes nothing. */
export async function newestGeneration(folder: string, identity: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  const newest = (await generationsIn(folder, names)).find((record) => record.identity === identity);
  return newest && join(folder, newest.name);
}

/** The generations among the `names` of a folder, newest first. */
export async function generationsIn(folder: string, names: readonly string[]): Promise<GenerationRecord[]> {
  const records = await Promise.all(names.map((name) => recordIn(folder, name)));
  return records.filter((record) => record !== undefined).toSorted((a, b) => b.number - a.number);
}

async function recordIn(folder: string, name: string): Promise<GenerationRecord | undefined> {
  if (!NAME.test(name) || !(await lstat(join(folder, name))).isDirectory()) return undefined;
  const text = await readOwnFile(join(folder, name, GENERATION_RECORD)).catch(() => '');
  const record = readRecord(text, GenerationRecordSchema);
  return record?.name === name ? record : undefined;
}
