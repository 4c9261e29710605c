import { lstat, readdir } from 'node:fs/promises';
import { readOwnFile } from '../../../base/files/own-file.ts';
import { isObject, readJson } from '../../../base/text/read-json.ts';
import { basename, join } from 'node:path';

/** UTC, to the second. Nothing else is ever taken for a generation. */
const NAME = /^\d{8}T\d{6}Z$/;
/** The name of the record in a generation. */
export const GENERATION_RECORD = '.hyper2kvm-generation';

/** What stands in each generation, and makes its folder one of ours. */
export interface GenerationRecord {
  version: 1;
  /** The name of the folder: a copy under another name is no generation. */
  name: string;
  /** Counts up: clocks may go back. */
  number: number;
  /** Of the VM. */
  identity: string;
  job: string;
  /** The names of its files. */
  files: string[];
}

/** The folder of the newest generation of a VM, undefined when there is none. Changes nothing. */
export async function newestGeneration(folder: string, identity: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  const newest = (await generationsIn(folder, names)).find((record) => record.identity === identity);
  return newest && join(folder, newest.name);
}

/** The generations among the `names` of a folder, the newest first. */
export async function generationsIn(folder: string, names: readonly string[]): Promise<GenerationRecord[]> {
  const records = await Promise.all(names.map((name) => recordIn(folder, name)));
  return records.filter((record) => record !== undefined).toSorted((a, b) => b.number - a.number);
}

async function recordIn(folder: string, name: string): Promise<GenerationRecord | undefined> {
  if (!NAME.test(name) || !(await lstat(join(folder, name))).isDirectory()) return undefined;
  const record = readJson(await readOwnFile(join(folder, name, GENERATION_RECORD)).catch(() => ''), isRecord);
  return record?.name === name ? record : undefined;
}

function isRecord(record: unknown): record is GenerationRecord {
  if (!isObject(record)) return false;
  const { version, name, number, identity, files } = record;
  return (
    version === 1 &&
    typeof name === 'string' &&
    Number.isSafeInteger(number) &&
    typeof identity === 'string' &&
    Array.isArray(files) &&
    files.every((file) => typeof file === 'string' && basename(file) === file)
  );
}
