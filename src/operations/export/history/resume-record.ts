import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { array, boolean, exactOptional, number, object, optional, picklist, string, type InferOutput } from 'valibot';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { localFileError } from '../../../base/files/local-file-error.ts';
import { readOwnFile } from '../../../base/files/own-file.ts';
import { readRecord, recordSchema, recordText } from '../../../base/records/read-record.ts';
import { finalNameOf, partialPath } from '../../../base/output/partial-name.ts';
import type { ServerDuties } from '../source/export-source.ts';
import { OwnSnapshotSchema, type OwnSnapshot } from '../source/snapshot-names.ts';
import { FORMATS } from '../target/formats.ts';
import type { ChangeRecord } from '../target/make-machine.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../types.ts';

/** A complete file of an unfinished export. */
const WholeFileSchema = object({
  member: object({
    name: string(),
    sizeBytes: number(),
    sha256: string(),
    modifiedMs: exactOptional(number()),
    offsetBytes: exactOptional(number()),
  }),
  key: string(),
  isDisk: boolean(),
  capacityBytes: number(),
  populatedBytes: optional(number()),
});
export type WholeFile = InferOutput<typeof WholeFileSchema>;

export const ResumeRecordSchema = recordSchema({
  /** What must be equal for the files to be those of the VM as it is now. */
  identity: string(),
  format: picklist(EXPORT_FORMATS),
  ownSnapshot: optional(OwnSnapshotSchema),
  /** The export shut the guest down and is to power the VM on again. */
  powerOn: exactOptional(boolean()),
  files: array(WholeFileSchema),
  /** They are being changed, and are not what was fetched any more. */
  changing: exactOptional(boolean()),
});
type ResumeState = Omit<InferOutput<typeof ResumeRecordSchema>, 'schemaVersion'>;

/** What a run settles when it begins. */
type Beginning = Omit<ResumeState, 'changing' | 'powerOn'>;

/**
 * The small file beside an unfinished export that says which of its `.partial` files are whole, and of which state of the VM. Written after each
 * whole disk, gone when the export is finished and nothing of it is left on the server: the own snapshot and the promise to power the VM on again stay in it until the one is removed
 * and the other kept, whatever options the later runs have.
 */
export class ResumeRecord implements ServerDuties, ChangeRecord {
  readonly #folder: string;
  readonly #baseName: string;
  readonly #path: string;
  /** An earlier run left a record: it failed, or was killed. */
  readonly hasEarlierRun: boolean;
  #state: ResumeState;
  #lastChange: Promise<void> = Promise.resolve();

  private constructor(folder: string, baseName: string, path: string, state: ResumeState) {
    this.#folder = folder;
    this.#baseName = baseName;
    this.#path = path;
    this.hasEarlierRun = state !== NOTHING;
    this.#state = state;
  }

  /** Reads what an earlier run left in `folder`, which the caller has locked: that run is over. A record that cannot be read is as good as none. */
  static async load(folder: string, baseName: string): Promise<ResumeRecord> {
    const path = resumeRecordPath(folder, baseName);
    const text = await readOwnFile(path).catch(() => '');
    const state = readRecord(text, ResumeRecordSchema) ?? NOTHING;
    return new ResumeRecord(folder, baseName, path, state);
  }

  get ownSnapshot(): OwnSnapshot | undefined {
    return this.#state.ownSnapshot;
  }

  /** The VM is to be powered on again. */
  get powerOn(): boolean {
    return this.#state.powerOn === true;
  }

  /** Something is left to be undone on the server. */
  get hasDuties(): boolean {
    return this.powerOn || this.ownSnapshot !== undefined;
  }

  /** The whole files of an earlier run, when they are of the VM in just this state. */
  filesOf(identity: string): WholeFile[] {
    return this.#state.identity === identity && this.#state.changing !== true ? this.#state.files : [];
  }

  /** Begins anew for a state of the VM, with the files of it that are whole already; what else an earlier run left is removed. */
  async begin(state: Beginning): Promise<void> {
    // An OVA is one file, which the writer of another OVA has open already.
    const isSameFile = this.#state.format === 'ova' && state.format === 'ova';
    if (this.hasEarlierRun && !isSameFile) await this.#removeLeftovers(state.files);
    await this.#change(({ ownSnapshot, powerOn }) => ({
      ...state,
      ownSnapshot: state.ownSnapshot ?? ownSnapshot,
      ...(powerOn && { powerOn }),
    }));
  }

  /** An own snapshot is about to be made: killed before {@link begin}, this run leaves its name at least. */
  async announceSnapshot(name: string): Promise<void> {
    await this.#change((state) => ({ ...state, ownSnapshot: { moRef: '', name } }));
  }

  /** The guest is about to be shut down, and the VM to be powered on again after the export. */
  async announcePowerOn(): Promise<void> {
    await this.#change((state) => ({ ...state, powerOn: true }));
  }

  /** The own snapshot is gone. Never throws: a later run that looks for it finds none. */
  async forgetSnapshot(): Promise<void> {
    await this.#change((state) => ({ ...state, ownSnapshot: undefined })).catch(() => undefined);
  }

  /** The VM is on, or is to stay off. Never throws: a later run that finds the VM on has nothing to do. */
  async forgetPowerOn(): Promise<void> {
    await this.#change((state) => ({ ...state, powerOn: false })).catch(() => undefined);
  }

  async add(file: WholeFile): Promise<void> {
    await this.#change((state) => ({ ...state, files: [...state.files, file] }));
  }

  /** Replaces the files, in the order in which they became whole. */
  async setWhole(files: readonly WholeFile[]): Promise<void> {
    await this.#change((state) => ({ ...state, files: [...files] }));
  }

  /** From now on the files are no run's to take over, whatever becomes of this one; until {@link keepUnchanged} finds that nothing was done to them. */
  async beginChange(): Promise<void> {
    await this.#change((state) => ({ ...state, changing: true }));
  }

  /** Ends a change that failed: files that it left as they had been fetched can be taken over after all. */
  async keepUnchanged(): Promise<void> {
    const { changing, files } = this.#state;
    if (changing !== true || !(await Promise.all(files.map((file) => this.#isUnchanged(file)))).every(Boolean)) return;
    await this.#change((state) => ({ ...state, changing: false }));
  }

  /** An image has its size and its time of change still; what is no image is not changed. */
  async #isUnchanged({ member: { name, sizeBytes, modifiedMs } }: WholeFile): Promise<boolean> {
    if (modifiedMs === undefined) return true;
    return await stat(partialPath(join(this.#folder, name))).then(
      ({ size, mtimeMs }) => size === sizeBytes && mtimeMs === modifiedMs,
      () => false,
    );
  }

  /** Removes the disks of the earlier run that are not kept: whole ones, and that which was under way when it was killed. */
  async #removeLeftovers(kept: readonly WholeFile[]): Promise<void> {
    const names = new Set(kept.map(({ member }) => member.name));
    const isOwn = fileOf(this.#baseName, this.#state.format);
    try {
      for (const entry of await readdir(this.#folder)) {
        const name = finalNameOf(entry);
        if (name !== undefined && isOwn(name) && !names.has(name)) await rm(join(this.#folder, entry), { force: true });
      }
    } catch (error) {
      throw localFileError('remove old files in', this.#folder, error);
    }
  }

  /** The end of a run: without `keepFiles` only what is left to be undone on the server stays recorded. Never throws: a record that stays is checked by the run that reads it. */
  async close({ keepFiles }: { keepFiles: boolean }): Promise<void> {
    if (keepFiles) return;
    await (
      this.hasDuties
        ? this.#change((state) => ({ ...state, identity: '', files: [] }))
        : rm(this.#path, { force: true })
    ).catch(() => undefined);
  }

  /**
   * One change after the other, since disks finish at the same time. A state that cannot be written, as on a full disk, does not count: what is kept for the next run is what
   * that run will read.
   */
  #change(change: (state: ResumeState) => ResumeState): Promise<void> {
    const before = this.#lastChange;
    const write = async (): Promise<void> => {
      await before;
      const state = change(this.#state);
      await writeFileAtomically(this.#path, recordText(state));
      this.#state = state;
    };
    const written = write();
    this.#lastChange = written.catch(() => undefined);
    return written;
  }
}

/** Of the export whose files' names begin so. */
export function resumeRecordPath(folder: string, baseName: string): string {
  return join(folder, resumeRecordName(baseName));
}

export function resumeRecordName(baseName: string): string {
  return `.${baseName}.hyper2kvm-resume`;
}

const NOTHING: ResumeState = { identity: '', format: 'ovf', ownSnapshot: undefined, files: [] };

/** Whether a name is that of a file of an export of `baseName` in `format`, other than its descriptor. */
function fileOf(baseName: string, format: ExportFormat): (name: string) => boolean {
  const { diskExtension } = FORMATS[format];
  const isDisk = new RegExp(`^-disk-\\d+\\.${diskExtension}(\\.overlay)?$`);
  return (name) => {
    if (!name.startsWith(baseName)) return false;
    const rest = name.slice(baseName.length);
    return format === 'ova' ? rest === '.ova' : rest === '.nvram' || isDisk.test(rest);
  };
}
