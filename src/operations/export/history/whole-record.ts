import { lstat, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  array,
  boolean,
  exactOptional,
  fallback,
  minLength,
  number,
  object,
  optional,
  picklist,
  pipe,
  readonly,
  string,
  type InferOutput,
} from 'valibot';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { readOwnFile } from '../../../base/files/own-file.ts';
import { readRecord, recordSchema, recordText } from '../../../base/records/read-record.ts';
import { giveFinalNames } from '../../../base/output/final-names.ts';
import { partialPath } from '../../../base/output/partial-name.ts';
import { FORMATS } from '../target/formats.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import { FixReportSchema, HardwareReportSchema } from '../../fix-guest/report-schema.ts';
import { SourceStateSchema, type SourceState } from './source-state.ts';
import { EXPORT_FORMATS, type ExportedFile, type ExportFormat, type VmExportResult } from '../types.ts';

/** What is kept of the result of an export. `VmExportResult` explains the fields. */
const CompletedExportSchema = object({
  vm: string(),
  moRef: string(),
  inventoryPath: string(),
  format: picklist(EXPORT_FORMATS),
  output: string(),
  files: pipe(array(object({ path: string(), sizeBytes: number(), sha256: exactOptional(string()) })), minLength(1)),
  disks: exactOptional(
    array(object({ label: string(), datastoreFile: string(), file: string(), capacityBytes: number() })),
  ),
  capacityBytes: number(),
  quiesced: exactOptional(boolean()),
  hardware: exactOptional(HardwareReportSchema),
  /** Of an earlier release it may be another report, which is not kept. */
  guest: exactOptional(fallback(optional(FixReportSchema), undefined)),
});
export type CompletedExport = InferOutput<typeof CompletedExportSchema>;

/** What was done with the files of an export after they were complete, and succeeded. */
const DoneStepsSchema = object({
  /** The libvirt addresses where the domain was defined. */
  defined: pipe(array(string()), readonly()),
  /** The guest came up in its boot test. */
  bootTested: boolean(),
});
export type DoneSteps = InferOutput<typeof DoneStepsSchema>;

export const NOTHING_DONE: DoneSteps = { defined: [], bootTested: false };

/** The completion record: an export that is complete under its final names. */
export const WholeRecordSchema = recordSchema({
  /** Of the VM: its instance UUID. */
  identity: string(),
  result: CompletedExportSchema,
  /** ISO 8601, UTC. */
  endedAt: string(),
  /** The run that made it came to its end: all files have their final names. */
  isUsed: boolean(),
  /** `ExportRecipe.fingerprint` of the run that made it. Undefined in records of versions that did not keep it: nothing is taken for granted then. */
  fingerprint: optional(string()),
  done: optional(DoneStepsSchema),
  /** By what a later run finds that the VM has not changed since. Undefined where it was not asked for, or nothing can be built on. */
  source: optional(SourceStateSchema),
});
type WholeState = Omit<InferOutput<typeof WholeRecordSchema>, 'schemaVersion'>;

/** An export that is complete under its final names, as an earlier run recorded it. */
export type WholeExport = Omit<WholeState, 'identity'>;

/** The name of the small file. */
export function wholeRecordName(baseName: string): string {
  return `.${baseName}.hyper2kvm-whole`;
}

/**
 * The small file beside a whole export that says of which VM it is and which files belong to it. It is written when all files are whole and flushed, before the
 * first of them gets its final name: a run that is killed among the renames leaves what the next one needs to complete them.
 */
export class WholeRecord {
  readonly #folder: string;
  readonly #identity: string;
  readonly #path: string;
  #state: WholeState | undefined;

  constructor(folder: string, baseName: string, identity: string) {
    this.#folder = folder;
    this.#identity = identity;
    this.#path = join(folder, wholeRecordName(baseName));
  }

  /** Comes before the first final name. */
  async write(result: VmExportResult, recipe: ExportRecipe): Promise<void> {
    await this.#save({
      identity: this.#identity,
      endedAt: new Date().toISOString(),
      isUsed: false,
      fingerprint: recipe.fingerprint(),
      result: completedExport(result),
    });
  }

  /** All that was asked for is done: `done` tells what, beyond the files. `source` is what the export rests on, when that was asked for. */
  async markUsed(done: DoneSteps, source?: SourceState): Promise<void> {
    if (this.#state) await this.#save({ ...this.#state, isUsed: true, done, source: source ?? this.#state.source });
  }

  /** Takes back what {@link write} wrote: the files did not get their names. A record that cannot be removed does no harm without them. */
  async takeBack(): Promise<void> {
    if (this.#state) await rm(this.#path, { force: true }).catch(() => {});
    this.#state = undefined;
  }

  /**
   * The whole export of this VM that is here, made with whatever options. Undefined when there is no record, when it is another VM's, or
   * a file is missing or was cut; and an export counts that was killed among its renames, until {@link complete} makes up for those. Changes nothing.
   */
  async find(): Promise<WholeExport | undefined> {
    const state = readRecord(await readOwnFile(this.#path).catch(() => ''), WholeRecordSchema);
    if (state?.identity !== this.#identity) return undefined;
    // The folder may have been moved, or be mounted elsewhere.
    const files = state.result.files.map((file) => ({ ...file, path: join(this.#folder, basename(file.path)) }));
    for (const file of files) {
      if (await isThere(file, state.result.format)) continue;
      if (state.isUsed || (await sizeOf(file.path)) !== undefined) return undefined;
      if ((await sizeOf(partialPath(file.path))) !== file.sizeBytes) return undefined;
    }
    this.#state = { ...state, result: { ...state.result, files, output: this.#folder } };
    return this.#state;
  }

  /** Gives the files of what was found the names that they do not have yet, with `mode`. The caller has locked the folder. */
  async complete(mode: number | undefined): Promise<void> {
    if (this.#state === undefined || this.#state.isUsed) return;
    const paths = this.#state.result.files.map(({ path }) => path);
    const unnamed: string[] = [];
    for (const path of paths) {
      if ((await sizeOf(path)) === undefined) unnamed.push(path);
      // Killed between its two names, it has both.
      else if (await isOneFile(path, partialPath(path))) await rm(partialPath(path), { force: true });
    }
    if (unnamed.length > 0) await giveFinalNames(this.#folder, unnamed, { force: false, mode });
  }

  async #save(state: WholeState): Promise<void> {
    this.#state = state;
    await writeFileAtomically(this.#path, recordText(state));
  }
}

/** Images change when a VM runs from them, and domains when somebody edits them; what is in a package of VMware's never does. */
async function isThere({ path, sizeBytes }: ExportedFile, format: ExportFormat): Promise<boolean> {
  const size = await sizeOf(path);
  return size !== undefined && (FORMATS[format].image !== undefined || size === sizeBytes);
}

async function sizeOf(path: string): Promise<number | undefined> {
  return lstat(path).then(
    (file) => (file.isFile() ? file.size : undefined),
    () => undefined,
  );
}

async function isOneFile(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([lstat(one), lstat(other)]);
    return a.ino === b.ino && a.dev === b.dev;
  } catch {
    return false;
  }
}

/** What of a result is recorded: what a later run needs that goes on with the files, and nothing of this run's course. */
function completedExport(result: VmExportResult): CompletedExport {
  const { vm, moRef, inventoryPath, format, output, files, disks, capacityBytes, quiesced, hardware, guest } = result;
  return {
    vm,
    moRef,
    inventoryPath,
    format,
    output,
    files,
    capacityBytes,
    ...(disks && { disks }),
    ...(quiesced === undefined ? {} : { quiesced }),
    ...(hardware && { hardware }),
    ...(guest && { guest }),
  };
}
