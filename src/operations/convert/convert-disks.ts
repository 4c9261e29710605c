import { basename } from 'node:path';
import { forEachConcurrently } from '../../base/concurrency.ts';
import { WorkerPool } from '../../image/copy/worker-pool.ts';
import type { FolderOutput } from '../../base/output/folder-output.ts';
import { PackageReader } from '../../ovf/read/package-reader.ts';
import { convertDisk, type DiskTask } from './convert-disk.ts';
import type { Layout, PlannedDisk } from './layout.ts';
import type { ConvertedDisk, ConvertEvent, ConvertOptions } from './types.ts';

/**
 * Converts all disks into complete files of the output, in parallel on as many threads as the pool has, which the
 * disks share. The disks of an archive that is compressed as one stream are converted one after the other in archive
 * order, so that it is inflated only once.
 */
export async function convertDisks(
  { source, disks }: Layout,
  output: FolderOutput,
  options: ConvertOptions,
  report: (event: ConvertEvent) => void,
  signal: AbortSignal,
): Promise<ConvertedDisk[]> {
  await using pool = new WorkerPool();
  const isOneStream = source.container === 'gzip-ova';
  const container = source.container === 'image' || source.container === 'vmx' ? 'folder' : source.container;
  await using reader = new PackageReader({ path: source.path, container }, signal);
  const order = isOneStream ? disks.toSorted((a, b) => archiveOffset(a) - archiveOffset(b)) : disks;
  const complete = new Map<PlannedDisk, ConvertedDisk>();
  await forEachConcurrently(order, isOneStream ? 1 : pool.workers, signal, async (planned, diskSignal) => {
    const task = { ...planned, output, source: source.path, options, pool, reader };
    complete.set(planned, await convertOne(task, { vm: source.baseName, report }, diskSignal));
  });
  return disks.flatMap((planned) => complete.get(planned) ?? []);
}

async function convertOne(
  planned: Omit<DiskTask, 'onProgress' | 'onPass'> & Pick<PlannedDisk, 'capacityBytes'>,
  { vm, report }: { vm: string; report: (event: ConvertEvent) => void },
  signal: AbortSignal,
): Promise<ConvertedDisk> {
  const { capacityBytes, path } = planned;
  const name = basename(path);
  const startedAt = Date.now();
  report({ type: 'disk-started', vm, disk: name, capacityBytes, attempt: 1 });
  const complete = await convertDisk(
    {
      ...planned,
      onProgress: (receivedBytes, coveredBytes) =>
        report({ type: 'disk-progress', vm, disk: name, receivedBytes, coveredBytes }),
      onPass: (pass) => report({ type: 'disk-pass', vm, disk: name, pass }),
    },
    signal,
  );
  const seconds = (Date.now() - startedAt) / 1000;
  const { sizeBytes } = complete;
  report({ type: 'disk-complete', vm, disk: name, sizeBytes, sha256: '', seconds });
  return complete;
}

function archiveOffset({ disk }: PlannedDisk): number {
  return disk.packaged?.parts[0]?.offsetBytes ?? 0;
}
