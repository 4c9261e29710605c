import { lstat, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { readOwnFile } from '../../../base/files/own-file.ts';
import { isObject, readJson } from '../../../base/text/read-json.ts';
import { giveFinalNames } from '../../../base/output/final-names.ts';
import { PARTIAL_SUFFIX } from '../../../base/output/member-names.ts';
import { FORMATS } from '../target/formats.ts';
import type { ExportRecipe } from '../target/export-recipe.ts';
import { isSourceState, type SourceState } from './source-state.ts';
import { EXPORT_FORMATS, type ExportedFile, type ExportFormat, type VmExportResult } from '../types.ts';

/** An export that is whole under its final names, as an earlier run recorded it. */
export interface WholeExport {
  result: VmExportResult;
  /** ISO 8601, UTC. */
  endedAt: string;
  /** The run that made it came to its end: all files have their final names. */
  isUsed: boolean;
  /** `ExportRecipe.fingerprint` of the run that made it. Undefined in records of versions that did not keep it: nothing is taken for granted then. */
  fingerprint?: string | undefined;
  /** What was done with the files after they were complete, and succeeded. */
  done?: DoneSteps | undefined;
  /** By what a later run tells that the VM has not changed since. Undefined where it was not asked for, or nothing can be built on. */
  source?: SourceState | undefined;
}

/** What `postExport` has done with an export. */
export interface DoneSteps {
  /** The libvirt addresses where the domain was defined. */
  defined: readonly string[];
  /** The guest came up in its boot test. */
  bootTested: boolean;
}

export const NOTHING_DONE: DoneSteps = { defined: [], bootTested: false };

interface WholeState extends WholeExport {
  version: 1;
  /** Of the VM: its instance UUID. */
  identity: string;
}

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
      version: 1,
      identity: this.#identity,
      endedAt: new Date().toISOString(),
      isUsed: false,
      fingerprint: recipe.fingerprint(),
      result,
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
    const state = readJson(await readOwnFile(this.#path).catch(() => ''), isWholeState);
    if (state?.identity !== this.#identity) return undefined;
    // The folder may have been moved, or be mounted elsewhere.
    const files = state.result.files.map((file) => ({ ...file, path: join(this.#folder, basename(file.path)) }));
    for (const file of files) {
      if (await isThere(file, state.result.format)) continue;
      if (state.isUsed || (await sizeOf(file.path)) !== undefined) return undefined;
      if ((await sizeOf(file.path + PARTIAL_SUFFIX)) !== file.sizeBytes) return undefined;
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
      else if (await isOneFile(path, path + PARTIAL_SUFFIX)) await rm(path + PARTIAL_SUFFIX, { force: true });
    }
    if (unnamed.length > 0) await giveFinalNames(this.#folder, unnamed, { force: false, mode });
  }

  async #save(state: WholeState): Promise<void> {
    this.#state = state;
    await writeFileAtomically(this.#path, `${JSON.stringify(state)}\n`);
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

function isWholeState(state: unknown): state is WholeState {
  if (!isObject(state)) return false;
  const { version, identity, endedAt, isUsed, fingerprint, done, source, result } = state;
  return (
    version === 1 &&
    typeof identity === 'string' &&
    typeof endedAt === 'string' &&
    typeof isUsed === 'boolean' &&
    (fingerprint === undefined || typeof fingerprint === 'string') &&
    (done === undefined || isDoneSteps(done)) &&
    (source === undefined || isSourceState(source)) &&
    isObject(result) &&
    EXPORT_FORMATS.some((format) => format === result['format']) &&
    Array.isArray(result['files']) &&
    result['files'].length > 0 &&
    result['files'].every(
      (file) => isObject(file) && typeof file['path'] === 'string' && typeof file['sizeBytes'] === 'number',
    )
  );
}

function isDoneSteps(done: unknown): boolean {
  if (!isObject(done) || typeof done['bootTested'] !== 'boolean') return false;
  return Array.isArray(done['defined']) && done['defined'].every((uri) => typeof uri === 'string');
}
