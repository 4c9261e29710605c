import type { MoRef } from '../../vsphere/soap/wsdl-types.ts';
import type { VirtualDisk } from '../../vsphere/vm/virtual-disk.ts';
import { DISK_SOURCES } from '../export/source/disk-sources.ts';
import type { LeaseComparisons, SourceFiles } from '../export/source/disk-source.ts';
import { Transfer } from '../export/transfer/transfer.ts';
import type { WantedFile } from '../export/transfer/wanted-files.ts';
import type { AreaList } from './replica/area-list.ts';
import type { DiskWriterOptions, WriterCounts } from './replica/disk-writer.ts';
import type { DiskTask } from './replica/replica.ts';
import { AreaSource } from './area-source.ts';
import { ReplicaMember } from './replica-member.ts';
import type { RoundScope } from './scope.ts';

/** A disk of a round, and how it is read. */
export interface RoundDisk {
  task: DiskTask;
  content: DiskWriterOptions['content'];
  /** The areas that the server reports as changed, if it was asked. */
  reported: AreaList | undefined;
}

export interface FetchedDisk extends WriterCounts {
  /** Everything was read, although the changed areas would have been enough. */
  isComplete: boolean;
}

export interface FetchedRound {
  /** For each disk, in the order of the round. */
  disks: FetchedDisk[];
  transferredBytes: number;
}

const NO_COUNTS: WriterCounts = { changedBytes: 0, unreportedBytes: 0, isDamaged: false };

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
  const { client, vm, facts, options, leave, step, warn, workers, nfc, report } = scope;
  const { wanted } = round;
  const counts: WriterCounts[] = [];
  const isPart: boolean[] = [];
  const openMember = (name: string): Promise<ReplicaMember> => {
    const index = wanted.findIndex(({ task }) => task.file === name);
    const disk = wanted[index];
    if (disk === undefined) throw new Error(`${name} is not a disk of the round`);
    const { task, reported } = disk;
    const compareContent = task.doubt !== undefined || options.audit !== undefined;
    const writer = { ...task, reported, compareContent, round: round.id, mode: options.mode };
    const content = () => (isPart[index] === true ? 'areas' : 'all');
    const onCommit = (done: { counts: WriterCounts }): void => void (counts[index] = done.counts);
    return Promise.resolve(new ReplicaMember(name, { writer, content, workers, onCommit }));
  };
  const writer = { maxOpenMembers: options.parallel, openMember };
  const transfer = new Transfer({ ...scope, ...options, vm, writer, resume: NO_RECORD, report });
  const verify = (): Promise<void> => Promise.resolve(step('download', 'Downloading'));
  const request = { client, vm, ref: round.snapshot, vmRef: facts.ref, disks: round.disks, hasEarlierRun: true };
  const transport = options.audit ?? options.transport;
  using source = new AreaSource(
    DISK_SOURCES[transport]({ ...request, leave, step, warn, nfc, verify, comparisons: comparisonsOf(scope) }),
    (index) => (wanted[index]?.content === 'areas' ? wanted[index].reported?.areas : undefined),
    (index, isPartOnly) => (isPart[index] = isPartOnly),
  );
  await transfer.run(source, (files) => wantedOf(files, wanted), signal);
  return {
    disks: wanted.map(({ content }, index) => ({
      ...(counts[index] ?? NO_COUNTS),
      isComplete: content === 'areas' && isPart[index] !== true,
    })),
    transferredBytes: transfer.transferredBytes,
  };
}

/**
 * Reads over NFC are compared with the lease once for each replica, first disk and version of the server. A disk without
 * a UUID is compared each time.
 */
function comparisonsOf({ client, replica }: Pick<RoundScope, 'client' | 'replica'>): LeaseComparisons {
  const { version, build } = client.content.about;
  const server = { server: client.server, version: `${version} build ${build}` };
  return {
    isDone: ({ uuid }) => {
      const known = replica.state.nfcComparison;
      return known?.server === server.server && known.version === server.version && known.uuid === uuid;
    },
    record: async ({ uuid }) => {
      if (uuid === undefined) return;
      await replica.update({ nfcComparison: { ...server, uuid, comparedAt: new Date().toISOString() } });
    },
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
