import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../../../base/files/exists.ts';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { ReplicaImage, type ReplicaShape } from '../../../image/replica/replica-image.ts';
import { diskFileName } from '../../export/target/formats.ts';
import type { OwnSnapshot } from '../../export/source/snapshot-names.ts';
import { applyRound } from './apply-round.ts';
import { DigestFile } from './digest-file.ts';
import { DamagedLogError } from './redo-log.ts';
import { filesOf, removeRound, type DiskFiles } from './replica-files.ts';
import {
  readState,
  stateName,
  writeState,
  type ReplicaDisk,
  type ReplicaPoint,
  type ReplicaState,
  type RoundMeasure,
} from './replica-state.ts';

/** A disk of the VM at the point in time of the round. */
export interface SourceDisk {
  key: number;
  label: string;
  uuid: string | undefined;
  capacityBytes: number;
  changeId: string | undefined;
}

/** What is to be done with one disk in a round. */
export interface DiskTask {
  disk: SourceDisk;
  file: string;
  files: DiskFiles;
  shape: ReplicaShape;
  how: 'redo' | 'image';
  /** The disk in the last round, if it is the same one. */
  known: ReplicaDisk | undefined;
  /** Why the digests of the replica cannot be relied on, as a clause; undefined if they can. */
  doubt: string | undefined;
}

const KEPT_ROUNDS = 30;

/** The images of a VM in a folder, and their record. The caller holds the lock of the folder. */
export class Replica {
  readonly #folder: string;
  readonly #baseName: string;
  readonly #path: string;
  #state: ReplicaState;

  private constructor(folder: string, baseName: string, state: ReplicaState) {
    this.#folder = folder;
    this.#baseName = baseName;
    this.#path = join(folder, stateName(baseName));
    this.#state = state;
  }

  /**
   * Opens the replica of a VM, or starts one. Applies a fetched round that was not applied completely.
   * `onRecovery` receives a sentence about that.
   * @throws Hyper2kvmError kind `local-file` for the replica of another VM, or a damaged record.
   */
  static async open(
    folder: string,
    baseName: string,
    { vm, format, onRecovery }: Pick<ReplicaState, 'vm' | 'format'> & { onRecovery: (sentence: string) => void },
  ): Promise<Replica> {
    const path = join(folder, stateName(baseName));
    const found = await readState(path);
    if (found !== undefined && found.vm.identity !== vm.identity) {
      throw new Hyper2kvmError('local-file', `${folder} has the replica of another VM, ${found.vm.name}.`, {
        hint: 'Choose another --output.',
      });
    }
    if (found !== undefined && found.format !== format) {
      throw new Hyper2kvmError('usage', `The replica in ${folder} is ${found.format}, not ${format}.`, {
        hint: `Use --format ${found.format}, or another --output.`,
      });
    }
    const state = found ?? { vm, format, point: null, rounds: [] };
    const replica = new Replica(folder, baseName, { ...state, vm });
    if (state.pending !== undefined) {
      onRecovery('An earlier run fetched a round and did not apply it completely: applying it now.');
      await replica.#apply();
    }
    return replica;
  }

  get state(): Readonly<ReplicaState> {
    return this.#state;
  }

  /** Replaces fields of the record. */
  async update(
    change: Partial<Pick<ReplicaState, 'enabledTracking' | 'vm' | 'rehearsal' | 'nfcComparison'>>,
  ): Promise<void> {
    await this.#write({ ...this.#state, ...change });
  }

  async setSnapshot(snapshot: OwnSnapshot | undefined): Promise<void> {
    const { ownSnapshot: _old, ...state } = this.#state;
    await this.#write(snapshot === undefined ? state : { ...state, ownSnapshot: snapshot });
  }

  /** Decides for each disk of the VM how it is brought to its new state. Removes what an earlier round left. */
  async plan(disks: readonly SourceDisk[]): Promise<DiskTask[]> {
    const known = this.#state.point?.disks ?? [];
    for (const { file } of known) await removeRound(filesOf(this.#folder, file));
    const taken = new Set(known.map(({ file }) => file));
    const tasks: DiskTask[] = [];
    for (const disk of disks) {
      const old = known.find(({ key }) => key === disk.key);
      const file = old?.file ?? (await this.#freeName(taken));
      taken.add(file);
      tasks.push(await this.#task(disk, file, old));
    }
    await this.#keepDoubts(tasks);
    return tasks;
  }

  /** A round that is killed can leave new digests, so the next one must know that the old ones were missing. */
  async #keepDoubts(tasks: readonly DiskTask[]): Promise<void> {
    const { point } = this.#state;
    const doubted = new Set(tasks.filter(({ doubt }) => doubt !== undefined).map(({ file }) => file));
    if (point === null || doubted.size === 0) return;
    const disks = point.disks.map((disk) => (doubted.has(disk.file) ? { ...disk, mustCompare: true } : disk));
    await this.#write({ ...this.#state, point: { ...point, disks } });
  }

  /** The disks of the last round that the VM does not have any more. */
  gone(disks: readonly SourceDisk[]): ReplicaDisk[] {
    return (this.#state.point?.disks ?? []).filter(({ key }) => disks.every((disk) => disk.key !== key));
  }

  /**
   * Records the fetched round, whose logs and images are complete and flushed. From now on it is applied, if necessary
   * by the next run. `damaged` are the disks whose digests do not fit their image.
   */
  async commit(
    tasks: readonly DiskTask[],
    { round, takenAt, damaged = [] }: { round: string; takenAt: string; damaged?: readonly DiskTask[] },
  ): Promise<void> {
    const disks = tasks.map((task): ReplicaDisk => {
      const { key, label, uuid = null, capacityBytes, changeId = null } = task.disk;
      const mustCompare = damaged.includes(task);
      return { key, label, file: task.file, uuid, capacityBytes, changeId, stamp: null, mustCompare };
    });
    const number = (this.#state.point?.number ?? 0) + 1;
    await this.#write({
      ...this.#state,
      pending: { round, number, takenAt, disks, how: tasks.map(({ how }) => how) },
    });
  }

  /** Applies the committed round. */
  async apply(): Promise<void> {
    await this.#apply();
  }

  /**
   * Records that something other than a round changes the images from now on, such as a domain that runs on them. The
   * next round reads the images too, and compares all of them.
   */
  async expectChanges(): Promise<void> {
    const { point } = this.#state;
    if (point === null) return;
    const disks = point.disks.map((disk) => ({ ...disk, mustCompare: true }));
    await this.#write({ ...this.#state, point: { ...point, disks } });
  }

  async measure(round: RoundMeasure): Promise<void> {
    await this.#write({ ...this.#state, rounds: [...this.#state.rounds, round].slice(-KEPT_ROUNDS) });
  }

  static newRound(): string {
    return randomUUID();
  }

  async #apply(): Promise<void> {
    const { pending, ...state } = this.#state;
    if (pending === undefined) return;
    const { how, ...point } = pending;
    const disks: ReplicaDisk[] = [];
    for (const [index, disk] of point.disks.entries()) {
      const shape = { format: state.format, capacityBytes: disk.capacityBytes };
      const files = filesOf(this.#folder, disk.file);
      try {
        const stamp = await applyRound(files, shape, { how: how[index] ?? 'redo', round: point.round });
        disks.push({ ...disk, stamp });
      } catch (error) {
        if (!(error instanceof DamagedLogError)) throw error;
        // The next round compares all of the disk, which repairs it.
        disks.push({ ...disk, changeId: null, mustCompare: true });
      }
    }
    const applied: ReplicaPoint = { ...point, disks };
    await this.#write({ ...state, point: applied });
    for (const { file } of disks) await rm(filesOf(this.#folder, file).redo, { force: true });
  }

  async #task(disk: SourceDisk, file: string, old: ReplicaDisk | undefined): Promise<DiskTask> {
    const files = filesOf(this.#folder, file);
    const shape = { format: this.#state.format, capacityBytes: disk.capacityBytes };
    const whole = { disk, file, files, shape, how: 'image' as const, known: undefined, doubt: undefined };
    if (old === undefined || old.capacityBytes !== disk.capacityBytes) return whole;
    const doubt = await this.#doubtOf(old, files, shape);
    if (doubt === 'unusable') return whole;
    return { ...whole, how: 'redo', known: (old.uuid ?? undefined) === disk.uuid ? old : undefined, doubt };
  }

  /** Why the content of the image may not be that of its digests. `unusable`: it cannot be written in place. */
  async #doubtOf(old: ReplicaDisk, files: DiskFiles, shape: ReplicaShape): Promise<string | undefined> {
    if (!(await exists(files.image))) return 'unusable';
    let image: ReplicaImage;
    try {
      image = await ReplicaImage.open(files.image, shape);
    } catch (error) {
      if (error instanceof Hyper2kvmError && error.kind === 'image') return 'unusable';
      throw error;
    }
    await using opened = image;
    const digests = await DigestFile.open(files.digests, shape.capacityBytes);
    if (digests === undefined) return 'its digests are missing';
    await digests[Symbol.asyncDispose]();
    const stamp = await opened.stamp();
    const isSame = old.stamp?.sizeBytes === stamp.sizeBytes && old.stamp.modifiedMs === stamp.modifiedMs;
    if (isSame && !old.mustCompare) return undefined;
    if (!(await opened.isLinear(shape))) return 'unusable';
    return old.mustCompare ? 'its digests are not known to be correct' : 'another program wrote to its image';
  }

  /** A name that is neither in use nor the name of an existing file. */
  async #freeName(taken: ReadonlySet<string>): Promise<string> {
    for (let index = 0; ; index += 1) {
      const name = diskFileName(this.#baseName, index + 1, this.#state.format);
      if (!taken.has(name) && !(await exists(join(this.#folder, name)))) {
        await removeRound(filesOf(this.#folder, name));
        return name;
      }
    }
  }

  async #write(state: ReplicaState): Promise<void> {
    await writeState(this.#path, state);
    this.#state = state;
  }
}
