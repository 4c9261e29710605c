import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import type { MemberRecord } from '../../ovf/package-writer.ts';

/** A whole file of an unfinished export. */
export interface WholeFile {
  member: MemberRecord;
  key: string;
  isDisk: boolean;
  capacityBytes: number;
  populatedBytes: number | undefined;
}

/** The own snapshot of an export that has not ended: the next run takes it over when the last one was killed. */
export interface OwnSnapshot {
  moRef: string;
  name: string;
}

interface ResumeState {
  version: 1;
  /** What must be equal for the files to be those of the VM as it is now. */
  identity: string;
  ownSnapshot: OwnSnapshot | undefined;
  files: WholeFile[];
}

/**
 * The small file beside an unfinished export that says which of its `.partial` files are whole, and of which state of the VM. Written after each
 * whole disk, gone when the export is finished.
 */
export class ResumeRecord {
  readonly #path: string;
  #state: ResumeState;

  private constructor(path: string, state: ResumeState) {
    this.#path = path;
    this.#state = state;
  }

  /** Reads what an earlier run left in `folder`. A record that cannot be read is as good as none. */
  static async load(folder: string, baseName: string): Promise<ResumeRecord> {
    const path = join(folder, `.${baseName}.hyper2kvm-resume`);
    const text = await readFile(path, 'utf8').catch(() => '');
    return new ResumeRecord(path, parseState(text) ?? { version: 1, identity: '', ownSnapshot: undefined, files: [] });
  }

  get ownSnapshot(): OwnSnapshot | undefined {
    return this.#state.ownSnapshot;
  }

  /** The whole files of an earlier run, when they are of the VM in just this state. */
  filesOf(identity: string): WholeFile[] {
    return this.#state.identity === identity ? this.#state.files : [];
  }

  /** Begins anew for a state of the VM, with the files of it that are whole already. */
  async begin(identity: string, ownSnapshot: OwnSnapshot | undefined, files: WholeFile[]): Promise<void> {
    this.#state = { version: 1, identity, ownSnapshot, files };
    await this.#save();
  }

  async add(file: WholeFile): Promise<void> {
    this.#state.files.push(file);
    await this.#save();
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  async #save(): Promise<void> {
    await writeFileAtomically(this.#path, `${JSON.stringify(this.#state)}\n`);
  }
}

function parseState(text: string): ResumeState | undefined {
  try {
    const state: unknown = JSON.parse(text);
    return isResumeState(state) ? state : undefined;
  } catch {
    return undefined;
  }
}

/** The writer is an earlier run of this program; what a tampered record claims is proved by reading the files back. */
function isResumeState(state: unknown): state is ResumeState {
  return (
    typeof state === 'object' &&
    state !== null &&
    'version' in state &&
    state.version === 1 &&
    'identity' in state &&
    typeof state.identity === 'string' &&
    'files' in state &&
    Array.isArray(state.files)
  );
}
