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
import { GuestNetReportSchema } from '../../guest-net/types.ts';
import { SourceStateSchema, type SourceState } from './source-state.ts';
import { EXPORT_FORMATS, type ExportedFile, type ExportFormat, type VmExportResult } from '../types.ts';

/** The stored part of an export's result. `VmExportResult` documents the fields. */
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
  /** An earlier release may have stored another kind of report, which is dropped. */
  guest: exactOptional(fallback(optional(FixReportSchema), undefined)),
  guestNet: exactOptional(GuestNetReportSchema),
});
export type CompletedExport = InferOutput<typeof CompletedExportSchema>;

/** The steps that succeeded after the files of an export were complete. */
const DoneStepsSchema = object({
  /** The libvirt URIs where the domain was defined. */
  defined: pipe(array(string()), readonly()),
  /** The guest started successfully in its boot test. */
  bootTested: boolean(),
});
export type DoneSteps = InferOutput<typeof DoneStepsSchema>;

export const NOTHING_DONE: DoneSteps = { defined: [], bootTested: false };

/** The completion record of an export, whose files have, or are about to get, their final names. */
export const CompletionRecordSchema = recordSchema({
  /** Instance UUID of the VM. */
  identity: string(),
  result: CompletedExportSchema,
  /** ISO 8601, UTC. */
  endedAt: string(),
  /** The run that created the export finished: all files have their final names. */
  isUsed: boolean(),
  /**
   * `ExportRecipe.fingerprint` of the run that created the export. Undefined in records of earlier versions; nothing is
   * assumed about their options.
   */
  fingerprint: optional(string()),
  done: optional(DoneStepsSchema),
  /** The state for detecting changes of the VM since the export. Undefined when not requested, or when changes cannot be detected. */
  source: optional(SourceStateSchema),
});
type CompletionState = Omit<InferOutput<typeof CompletionRecordSchema>, 'schemaVersion'>;

/** A complete export under its final names, as recorded by an earlier run. */
export type CompleteExport = Omit<CompletionState, 'identity'>;

/** The record's file name. */
export function completionRecordName(baseName: string): string {
  return `.${baseName}.hyper2kvm-whole`;
}

/**
 * A small file next to a complete export. It records the VM and the files of the export. It is written when all files
 * are complete and flushed, before the first one gets its final name. If a run is killed during the renames, the next
 * run uses the record to finish them.
 */
export class CompletionRecord {
  readonly #folder: string;
  readonly #identity: string;
  readonly #path: string;
  #state: CompletionState | undefined;

  constructor(folder: string, baseName: string, identity: string) {
    this.#folder = folder;
    this.#identity = identity;
    this.#path = join(folder, completionRecordName(baseName));
  }

  /** Call before the first file gets its final name. */
  async write(result: VmExportResult, recipe: ExportRecipe): Promise<void> {
    await this.#save({
      identity: this.#identity,
      endedAt: new Date().toISOString(),
      isUsed: false,
      fingerprint: recipe.fingerprint(),
      result: completedExport(result),
    });
  }

  /** All requested work is finished. `done` contains the steps beyond the files. `source` is the exported state of the VM, if requested. */
  async markUsed(done: DoneSteps, source?: SourceState): Promise<void> {
    if (this.#state) await this.#save({ ...this.#state, isUsed: true, done, source: source ?? this.#state.source });
  }

  /** Undoes {@link write}, when the files did not get their names. A record that cannot be removed is harmless without the files. */
  async takeBack(): Promise<void> {
    if (this.#state) await rm(this.#path, { force: true }).catch(() => {});
    this.#state = undefined;
  }

  /**
   * Finds the complete export of this VM in the folder, made with any options. Undefined when there is no record, when
   * it belongs to another VM, or when a file is missing or truncated. An export whose run was killed during the renames
   * counts as complete; {@link complete} finishes them. Changes nothing.
   */
  async find(): Promise<CompleteExport | undefined> {
    const state = readRecord(await readOwnFile(this.#path).catch(() => ''), CompletionRecordSchema);
    if (state?.identity !== this.#identity) return undefined;
    // The folder may have been moved or mounted elsewhere.
    const files = state.result.files.map((file) => ({ ...file, path: join(this.#folder, basename(file.path)) }));
    for (const file of files) {
      if (await isThere(file, state.result.format)) continue;
      if (state.isUsed || (await sizeOf(file.path)) !== undefined) return undefined;
      if ((await sizeOf(partialPath(file.path))) !== file.sizeBytes) return undefined;
    }
    this.#state = { ...state, result: { ...state.result, files, output: this.#folder } };
    return this.#state;
  }

  /** Renames the remaining files of the found export to their final names, with `mode`. The caller must hold the folder's lock. */
  async complete(mode: number | undefined): Promise<void> {
    if (this.#state === undefined || this.#state.isUsed) return;
    const paths = this.#state.result.files.map(({ path }) => path);
    const unnamed: string[] = [];
    for (const path of paths) {
      if ((await sizeOf(path)) === undefined) unnamed.push(path);
      // A run that was killed between link and unlink leaves both names.
      else if (await isOneFile(path, partialPath(path))) await rm(partialPath(path), { force: true });
    }
    if (unnamed.length > 0) await giveFinalNames(this.#folder, unnamed, { force: false, mode });
  }

  async #save(state: CompletionState): Promise<void> {
    this.#state = state;
    await writeFileAtomically(this.#path, recordText(state));
  }
}

/** Images change when a VM runs from them, and domains when somebody edits them. Files of an OVF, OVA or VMDK export never change. */
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

/** The recorded part of a result: what a later run needs to continue with the files, without the details of this run. */
function completedExport(result: VmExportResult): CompletedExport {
  const { vm, moRef, inventoryPath, format, output, files, disks, capacityBytes, quiesced, hardware, guest, guestNet } =
    result;
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
    ...(guestNet && { guestNet }),
  };
}
