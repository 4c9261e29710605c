import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { array, boolean, exactOptional, number, object, optional, picklist, string, type InferOutput } from 'valibot';
import { writeFileAtomically } from '../../../base/files/atomic-file.ts';
import { errnoOf, localFileError } from '../../../base/files/local-file-error.ts';
import { readOwnFile } from '../../../base/files/own-file.ts';
import { GuestNetNicSchema } from '../../../base/guest-net.ts';
import { readRecord, recordSchema, recordText } from '../../../base/records/read-record.ts';
import { removeFile } from '../../../base/output/local-folder.ts';
import { finalNameOf, partialPath } from '../../../base/output/partial-name.ts';
import type { ServerDuties } from '../source/export-source.ts';
import {
  FetchedSnapshotSchema,
  OwnSnapshotSchema,
  type FetchedSnapshot,
  type OwnSnapshot,
} from '../source/snapshot-names.ts';
import { FORMATS } from '../target/formats.ts';
import { imageOfJournal, journalName } from '../target/written-journal.ts';
import type { ChangeRecord } from '../target/make-machine.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../types.ts';

/** A complete file of an unfinished export. */
const CompleteFileSchema = object({
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
export type CompleteFile = InferOutput<typeof CompleteFileSchema>;

/** The addresses of the guest before this export shut it down. */
const KnownAddressesSchema = object({
  /** Instance UUID of the VM. */
  vm: string(),
  readAt: string(),
  nics: array(GuestNetNicSchema),
});
type KnownAddresses = InferOutput<typeof KnownAddressesSchema>;

export const ResumeRecordSchema = recordSchema({
  /** Must match for the files to belong to the current state of the VM. */
  identity: string(),
  format: picklist(EXPORT_FORMATS),
  ownSnapshot: optional(OwnSnapshotSchema),
  /** The export shut down the guest and must power on the VM again. */
  powerOn: exactOptional(boolean()),
  files: array(CompleteFileSchema),
  /** All files are complete, and belong to an own snapshot that has been removed. */
  fetched: exactOptional(FetchedSnapshotSchema),
  /** The files are being changed and no longer match the download. */
  changing: exactOptional(boolean()),
  guestNet: exactOptional(KnownAddressesSchema),
});
type ResumeState = Omit<InferOutput<typeof ResumeRecordSchema>, 'schemaVersion'>;

/** The state that a run sets when it begins. */
type Beginning = Omit<ResumeState, 'changing' | 'powerOn' | 'guestNet'>;

/**
 * A small file next to an unfinished export. It records which of the `.partial` files are complete, and for which state
 * of the VM. It is written after each complete disk. It is removed when the export has finished and no work is left on
 * the server. Pending work on the server (removing the export's own snapshot, powering on the VM) stays recorded until
 * it is done, whatever options later runs use.
 */
export class ResumeRecord implements ServerDuties, ChangeRecord {
  readonly #folder: string;
  readonly #baseName: string;
  readonly #path: string;
  /** An earlier run left a record: it failed or was killed. */
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

  /**
   * Reads the record of an earlier run in `folder`. The caller must hold the lock, which means that the earlier run has
   * ended. A record that cannot be read is ignored.
   */
  static async load(folder: string, baseName: string): Promise<ResumeRecord> {
    const path = resumeRecordPath(folder, baseName);
    const text = await readOwnFile(path).catch(() => '');
    const state = readRecord(text, ResumeRecordSchema) ?? NOTHING;
    return new ResumeRecord(folder, baseName, path, state);
  }

  get ownSnapshot(): OwnSnapshot | undefined {
    return this.#state.ownSnapshot;
  }

  /** The VM must be powered on again. */
  get powerOn(): boolean {
    return this.#state.powerOn === true;
  }

  /** The own snapshot of an earlier run whose disks are complete. */
  get fetched(): FetchedSnapshot | undefined {
    return this.#state.fetched;
  }

  /** The addresses of the guest before an export shut it down. */
  get guestNet(): KnownAddresses | undefined {
    return this.#state.guestNet;
  }

  /** Work on the server is still pending. */
  get hasDuties(): boolean {
    return this.powerOn || this.ownSnapshot !== undefined;
  }

  /** The complete files of an earlier run, if they belong to exactly this state of the VM. */
  filesOf(identity: string): CompleteFile[] {
    return this.#state.identity === identity && this.#state.changing !== true ? this.#state.files : [];
  }

  /** Whether all files of an earlier run, for exactly this state of the VM, are still as they were written. */
  async hasAllOf(identity: string): Promise<boolean> {
    const files = this.filesOf(identity);
    return files.length > 0 && (await Promise.all(files.map((file) => this.#isUnchanged(file)))).every(Boolean);
  }

  /** Starts a new record for a state of the VM, with its files that are already complete. Removes the other files of an earlier run. */
  async begin(state: Beginning): Promise<void> {
    // An OVA is a single file, which the writer of the new OVA already has open.
    const isSameFile = this.#state.format === 'ova' && state.format === 'ova';
    const isSameContent = this.#state.identity === state.identity && this.#state.changing !== true;
    if (this.hasEarlierRun && !isSameFile) {
      const begun = isSameContent ? await this.begun() : [];
      const kept = [...state.files.map(({ member }) => member.name), ...begun, ...begun.map(journalName)];
      await this.#removeLeftovers(kept);
    }
    await this.#change(({ ownSnapshot, powerOn, guestNet }) => ({
      ...state,
      ownSnapshot: state.ownSnapshot ?? ownSnapshot,
      ...(powerOn && { powerOn }),
      ...(guestNet && { guestNet }),
    }));
  }

  /**
   * Call before creating the export's own snapshot: if the run is killed before {@link begin}, the record contains at
   * least the snapshot's name.
   */
  async announceSnapshot(name: string): Promise<void> {
    await this.#change((state) => ({ ...state, ownSnapshot: { moRef: '', name } }));
  }

  /** Call before shutting down the guest of a VM that is to be powered on after the export. */
  async announcePowerOn(): Promise<void> {
    await this.#change((state) => ({ ...state, powerOn: true }));
  }

  /** Call before shutting down the guest: VMware Tools report its addresses only while it runs. */
  async keepAddresses(guestNet: KnownAddresses): Promise<void> {
    await this.#change((state) => ({ ...state, guestNet }));
  }

  /** The snapshot has been removed. Never throws: a later run that looks for it finds nothing. */
  async forgetSnapshot(): Promise<void> {
    await this.#change((state) => ({ ...state, ownSnapshot: undefined })).catch(() => undefined);
  }

  /** The VM is on, or is to stay off. Never throws: a later run that finds the VM powered on does nothing. */
  async forgetPowerOn(): Promise<void> {
    await this.#change((state) => ({ ...state, powerOn: false })).catch(() => undefined);
  }

  async add(file: CompleteFile): Promise<void> {
    await this.#change((state) => ({ ...state, files: [...state.files, file] }));
  }

  /** All files of an own snapshot are complete: they can be used after its removal. */
  async markFetched(fetched: FetchedSnapshot): Promise<void> {
    await this.#change((state) => ({ ...state, fetched }));
  }

  /** Replaces the list of files, in the order of their completion. */
  async setComplete(files: readonly CompleteFile[]): Promise<void> {
    await this.#change((state) => ({ ...state, files: [...files] }));
  }

  /** Marks the files as unusable for later runs, until {@link keepUnchanged} finds that they were not modified. */
  async beginChange(): Promise<void> {
    await this.#change((state) => ({ ...state, changing: true }));
  }

  /** Ends a change that failed. Later runs can reuse the files if they are still as downloaded. */
  async keepUnchanged(): Promise<void> {
    const { changing, files } = this.#state;
    if (changing !== true || !(await Promise.all(files.map((file) => this.#isUnchanged(file)))).every(Boolean)) return;
    await this.#change((state) => ({ ...state, changing: false }));
  }

  /** An unchanged image has the same size and modification time. Other files are never changed. */
  async #isUnchanged({ member: { name, sizeBytes, modifiedMs } }: CompleteFile): Promise<boolean> {
    if (modifiedMs === undefined) return true;
    return await stat(partialPath(join(this.#folder, name))).then(
      ({ size, mtimeMs }) => size === sizeBytes && mtimeMs === modifiedMs,
      () => false,
    );
  }

  /** The names of unfinished images that a later run can continue, because they have a journal. */
  async begun(): Promise<string[]> {
    const isOwn = fileOf(this.#baseName, this.#state.format);
    try {
      const images = (await readdir(this.#folder)).map(imageOfJournal);
      return images.filter((name) => name !== undefined).filter(isOwn);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw localFileError('read', this.#folder, error);
    }
  }

  /** Removes {@link begun} images. */
  async removeBegun(): Promise<void> {
    for (const name of await this.begun()) {
      for (const each of [name, journalName(name)]) await removeFile(partialPath(join(this.#folder, each)));
    }
  }

  /** Removes the disks of the earlier run that are not kept: complete ones, and those that were in progress when it was killed. */
  async #removeLeftovers(kept: readonly string[]): Promise<void> {
    const names = new Set(kept);
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

  /**
   * Ends the run. Without `keepFiles`, only pending work on the server stays recorded, and with `hasFailed` the
   * addresses that the next run cannot read again. Never throws: the run that reads a leftover record checks it.
   */
  async close({ keepFiles, hasFailed = false }: { keepFiles: boolean; hasFailed?: boolean }): Promise<void> {
    if (keepFiles) return;
    await (
      this.hasDuties || (hasFailed && this.guestNet !== undefined)
        ? this.#change((state) => ({ ...state, identity: '', files: [] }))
        : rm(this.#path, { force: true })
    ).catch(() => undefined);
  }

  /**
   * Applies changes one at a time, because disks finish concurrently. A state that cannot be written (for example, on a
   * full disk) does not take effect: the state in memory is always the state that the next run will read.
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

/** The path of the record for the export whose file names begin with `baseName`. */
export function resumeRecordPath(folder: string, baseName: string): string {
  return join(folder, resumeRecordName(baseName));
}

export function resumeRecordName(baseName: string): string {
  return `.${baseName}.hyper2kvm-resume`;
}

const NOTHING: ResumeState = { identity: '', format: 'ovf', ownSnapshot: undefined, files: [] };

/** Returns a test for the names of files of an export of `baseName` in `format`, other than its descriptor. */
function fileOf(baseName: string, format: ExportFormat): (name: string) => boolean {
  const { diskExtension } = FORMATS[format];
  const isDisk = new RegExp(`^-disk-\\d+\\.${diskExtension}(\\.overlay|\\.written)?$`);
  return (name) => {
    if (!name.startsWith(baseName)) return false;
    const rest = name.slice(baseName.length);
    return format === 'ova' ? rest === '.ova' : rest === '.nvram' || isDisk.test(rest);
  };
}
