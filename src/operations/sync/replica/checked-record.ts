import type { GenericSchema } from 'valibot';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { isMissing, readOwnFile } from '../../../base/files/own-file.ts';
import { laterVersion, readRecord, recordText } from '../../../base/records/read-record.ts';
import { recordChecksum } from '../../../base/records/record-checksum.ts';

/** The fields that the functions here add to a record. */
interface Added {
  schemaVersion: number;
  /** SHA-256 of the other fields as JSON. */
  checksum: string;
}

/**
 * Reads a record with a checksum. Undefined when there is none. `what` names it at the beginning of a sentence.
 * @throws Hyper2kvmError kind `local-file` for a record that is damaged or that others could have written.
 */
export async function readCheckedRecord<Output extends Added>(
  path: string,
  schema: GenericSchema<unknown, Output>,
  { what, laterHint, damagedHint }: { what: string; laterHint: string; damagedHint: string },
): Promise<Omit<Output, keyof Added> | undefined> {
  let text: string;
  try {
    text = await readOwnFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const later = laterVersion(text);
  if (later !== undefined) {
    throw new Hyper2kvmError('local-file', `${path} was written by a later version of hyper2kvm (${later}).`, {
      hint: laterHint,
    });
  }
  const record = readRecord(text, schema);
  if (record !== undefined) {
    const { checksum, schemaVersion: _version, ...fields } = record;
    if (checksum === recordChecksum(fields)) return fields;
  }
  throw new Hyper2kvmError('local-file', `${what}, ${path}, is damaged.`, { hint: damagedHint });
}

/** Replaces a record, with its checksum, and flushes it. */
export async function writeCheckedRecord(path: string, record: object): Promise<void> {
  await writeFileAtomically(path, recordText({ ...record, checksum: recordChecksum(record) }, 2));
}
