import { lstat, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import { isObject, readJson } from '../../base/read-json.ts';
import { giveFinalNames } from '../../ovf/final-names.ts';
import { PARTIAL_SUFFIX } from '../../ovf/member-names.ts';
import { FORMATS } from './formats.ts';
import { resumeRecordPath } from './resume-record.ts';
import { isSourceState, type SourceState } from './source-state.ts';
import type { ExportedFile, ExportFormat, VmExportResult } from './types.ts';

/** An export that is whole under its final names, as an earlier run recorded it. */
export interface WholeExport {
  result: VmExportResult;
  /** ISO 8601, UTC. */
  endedAt: string;
  /** What was asked for beyond the files (`useExported`) has been done too. */
  isUsed: boolean;
  /** By what a later run tells that the VM has not changed since. Undefined where it was not asked for, or nothing can be built on. */
  source?: SourceState | undefined;
}

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
  readonly #resumePath: string;
  #state: WholeState | undefined;

  constructor(folder: string, baseName: string, identity: string) {
    this.#folder = folder;
    this.#identity = identity;
    this.#path = join(folder, wholeRecordName(baseName));
    this.#resumePath = resumeRecordPath(folder, baseName);
  }

  /** Comes before the first final name. */
  async write(result: VmExportResult): Promise<void> {
    await this.#save({
      version: 1,
      identity: this.#identity,
      endedAt: new Date().toISOString(),
      isUsed: false,
      result,
    });
  }

  /** All that was asked for is done. `source` is what the export rests on, when that was asked for. */
  async markUsed(source?: SourceState): Promise<void> {
    if (this.#state) await this.#save({ ...this.#state, isUsed: true, source: source ?? this.#state.source });
  }

  /** Takes back what {@link write} wrote: the files did not get their names. A record that cannot be removed does no harm without them. */
  async takeBack(): Promise<void> {
    if (this.#state) await rm(this.#path, { force: true }).catch(() => {});
    this.#state = undefined;
  }

  /**
   * The whole export of this VM in `format` that is here, with the file `described` where one is asked for. Undefined when there is no record, when it is another VM's or format's, or
   * a file is missing or was cut; and an export counts that was killed among its renames, until {@link complete} makes up for those. Changes nothing.
   */
  async find(format: ExportFormat, described: string | undefined): Promise<WholeExport | undefined> {
    const state = readJson(await readFile(this.#path, 'utf8').catch(() => ''), isWholeState);
    if (state?.identity !== this.#identity || state.result.format !== format) return undefined;
    // The folder may have been moved, or be mounted elsewhere.
    const files = state.result.files.map((file) => ({ ...file, path: join(this.#folder, basename(file.path)) }));
    if (described !== undefined && !files.some(({ path }) => basename(path) === described)) return undefined;
    for (const file of files) {
      if (await isThere(file, format)) continue;
      if (state.isUsed || (await sizeOf(file.path)) !== undefined) return undefined;
      if ((await sizeOf(file.path + PARTIAL_SUFFIX)) !== file.sizeBytes) return undefined;
    }
    this.#state = { ...state, result: { ...state.result, files, output: this.#folder } };
    return this.#state;
  }

  /** Gives the files of what was found the names that they do not have yet. The caller has locked the folder. */
  async complete(): Promise<void> {
    if (this.#state === undefined || this.#state.isUsed) return;
    const paths = this.#state.result.files.map(({ path }) => path);
    const unnamed: string[] = [];
    for (const path of paths) {
      if ((await sizeOf(path)) === undefined) unnamed.push(path);
      // Killed between its two names, it has both.
      else if (await isOneFile(path, path + PARTIAL_SUFFIX)) await rm(path + PARTIAL_SUFFIX, { force: true });
    }
    if (unnamed.length > 0) await giveFinalNames(this.#folder, unnamed, false);
    await rm(this.#resumePath, { force: true });
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
  return (
    isObject(state) &&
    state['version'] === 1 &&
    typeof state['identity'] === 'string' &&
    typeof state['endedAt'] === 'string' &&
    typeof state['isUsed'] === 'boolean' &&
    (state['source'] === undefined || isSourceState(state['source'])) &&
    isObject(state['result']) &&
    typeof state['result']['format'] === 'string' &&
    Array.isArray(state['result']['files']) &&
    state['result']['files'].length > 0 &&
    state['result']['files'].every(
      (file) => isObject(file) && typeof file['path'] === 'string' && typeof file['sizeBytes'] === 'number',
    )
  );
}
