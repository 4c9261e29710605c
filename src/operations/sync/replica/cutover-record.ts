import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { array, boolean, exactOptional, nullable, object, picklist, string, type InferOutput } from 'valibot';
import { flushFolder } from '../../../base/files/atomic-file.ts';
import { localFileError } from '../../../base/files/local-file-error.ts';
import { readCheckedRecord, writeCheckedRecord } from './checked-record.ts';
import { recordSchema } from '../../../base/records/read-record.ts';

/** The steps of a cutover, in order. `rollback` can follow each of them. */
export const CUTOVER_STEPS = [
  'checks',
  'warm-rounds',
  'shutdown',
  'final-round',
  'audit',
  'guest',
  'commit',
  'domain',
  'start',
  'wait',
  'done',
  'rollback',
] as const;
export type CutoverStep = (typeof CUTOVER_STEPS)[number];

/** The record of a cutover, in `.NAME.hyper2kvm-cutover` next to the replica. The replica belongs to the cutover while it exists. */
export const CutoverRecordSchema = recordSchema({
  vm: object({ name: string(), moRef: string(), identity: string(), server: string() }),
  step: picklist(CUTOVER_STEPS),
  /** The steps so far with the times when they began; ISO 8601, UTC. */
  history: array(object({ step: picklist(CUTOVER_STEPS), at: string() })),
  /** The source was powered on at the beginning, and is powered on again by a rollback. */
  sourceWasOn: boolean(),
  /** When the source was confirmed to be off; null before that. */
  poweredOffAt: nullable(string()),
  /** The domain, from before its file is written. */
  domain: exactOptional(
    object({
      path: string(),
      name: string(),
      uuid: nullable(string()),
      /** The libvirt in which it is defined; null if it is not to be defined. */
      uri: nullable(string()),
      /** This cutover defined it, or was about to. */
      isDefined: boolean(),
      /** This cutover started it, or was about to. */
      isStarted: boolean(),
    }),
  ),
  /** The first sign of life of the guest here. */
  sign: exactOptional(object({ kind: picklist(['guest-agent', 'network']), at: string() })),
  /** SHA-256 of the other fields as JSON. */
  checksum: string(),
});

export type CutoverRecord = Omit<InferOutput<typeof CutoverRecordSchema>, 'checksum' | 'schemaVersion'>;

/** The name of the record for a VM whose files have this base name. */
export function cutoverRecordName(baseName: string): string {
  return `.${baseName}.hyper2kvm-cutover`;
}

/**
 * Reads the record of a cutover. Undefined when there is none.
 * @throws Hyper2kvmError kind `local-file` for a record that is damaged or that others could have written.
 */
export async function readCutover(path: string): Promise<CutoverRecord | undefined> {
  return await readCheckedRecord(path, CutoverRecordSchema, {
    what: 'The record of the cutover',
    laterHint: 'Use that version.',
    damagedHint: 'Check that the VM runs only once, on the source or here. Then remove the record, and run sync.',
  });
}

/** Replaces the record, and flushes it. */
export async function writeCutover(path: string, record: CutoverRecord): Promise<void> {
  await writeCheckedRecord(path, record);
}

/** Removes the record: the replica belongs to `sync` again. */
export async function removeCutover(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw localFileError('remove', path, error);
  }
  await flushFolder(dirname(path));
}
