import type { MoRef } from '../../vsphere/soap/wsdl-types.ts';
import type { VirtualDisk } from '../../vsphere/vm/virtual-disk.ts';
import { DISK_SOURCES } from '../export/source/disk-sources.ts';
import type { SourceFiles } from '../export/source/disk-source.ts';
import { Transfer } from '../export/transfer/transfer.ts';
import type { WantedFile } from '../export/transfer/wanted-files.ts';
import type { AreaList } from './replica/area-list.ts';
import type { DiskWriterOptions, WriterCounts } from './replica/disk-writer.ts';
import type { DiskTask } from './replica/replica.ts';
import { ReplicaMember } from './replica-member.ts';
import type { RoundScope } from './scope.ts';

/** A disk of a round, and how it is read. */
export interface RoundDisk {
  task: DiskTask;
  content: DiskWriterOptions['content'];
  /** The areas that the server reports as changed, if it was asked. */
  reported: AreaList | undefined;
}

export interface FetchedRound {
  /** For each disk, in the order of the round. */
  counts: WriterCounts[];
  transferredBytes: number;
}

/** The files of a round are not kept for a later run, which starts over from a newer snapshot. */
const NO_RECORD = { add: () => Promise.resolve(), setComplete: () => Promise.resolve() };

/**
 * Fetches all disks of a round into redo logs and new images next to the replica, and flushes them.
 * @throws the errors of `Transfer`.
 */
export async function fetchRound(
  scope: RoundScope,
  round: { id: string; snapshot: MoRef; disks: readonly VirtualDisk[]; wanted: readonly RoundDisk[] },
  signal: AbortSignal,
): Promise<FetchedRound> {
  const { client, vm, options, leave, step, workers, report } = scope;
  const counts = new Map<RoundDisk, WriterCounts>();
  const openMember = async (name: string) => {
    const disk = round.wanted.find(({ task }) => task.file === name);
    if (disk === undefined) throw new Error(`${name} is not a disk of the round`);
    const { task, content, reported } = disk;
    const writer = { ...task, content, reported, round: round.id, mode: options.mode };
    const compareContent = task.doubt !== undefined;
    const onCommit = (done: { counts: WriterCounts }): unknown => counts.set(disk, done.counts);
    return await ReplicaMember.open(name, { ...writer, compareContent }, { workers, onCommit });
  };
  const writer = { maxOpenMembers: options.parallel, openMember };
  const transfer = new Transfer({ ...scope, ...options, vm, writer, resume: NO_RECORD, report });
  const request = { client, vm, ref: round.snapshot, disks: round.disks, leave, hasEarlierRun: true, step };
  const verify = (): Promise<void> => Promise.resolve(step('download', 'Downloading'));
  using source = DISK_SOURCES.lease({ ...request, verify });
  await transfer.run(source, (files) => wantedOf(files, round.wanted), signal);
  return {
    counts: round.wanted.map((disk) => counts.get(disk) ?? { changedBytes: 0, unreportedBytes: 0 }),
    transferredBytes: transfer.transferredBytes,
  };
}

/** A source lists its disks in hardware order, as the snapshot does. */
function wantedOf({ files }: SourceFiles, wanted: readonly RoundDisk[]): WantedFile[] {
  return files
    .filter(({ kind }) => kind === 'disk')
    .flatMap(({ key, capacityBytes }, index) => {
      const disk = wanted[index];
      return disk === undefined ? [] : [{ key, name: disk.task.file, isDisk: true, capacityBytes }];
    });
}
