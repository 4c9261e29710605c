import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { forEachConcurrently } from '../../base/concurrency.ts';
import { WorkerPool } from '../../image/copy/worker-pool.ts';
import { PARTIAL_SUFFIX } from '../../base/output/member-names.ts';
import { PackageReader } from '../../ovf/read/package-reader.ts';
import { convertDisk, type DiskTask, type WholeDisk } from './convert-disk.ts';
import type { Layout, PlannedDisk } from './layout.ts';
import { requireOwn } from './output-names.ts';
import type { ConvertedDisk, ConvertEvent, ConvertOptions } from './types.ts';

/**
 * Converts all disks into their `.partial` files, as many side by side as there are threads, which they share. Those of an archive that is compressed as a whole come one
 * after the other in its order, so that it is inflated once for all of them. On failure nothing is left.
 */
export async function convertDisks(
  { source, disks }: Layout,
  options: ConvertOptions,
  report: (event: ConvertEvent) => void,
  signal: AbortSignal,
): Promise<WholeDisk[]> {
  await using pool = new WorkerPool();
  const isOneStream = source.container === 'gzip-ova';
  const container = source.container === 'image' || source.container === 'vmx' ? 'folder' : source.container;
  await using reader = new PackageReader({ path: source.path, container }, signal);
  const order = isOneStream ? disks.toSorted((a, b) => archiveOffset(a) - archiveOffset(b)) : disks;
  const whole = new Map<PlannedDisk, WholeDisk>();
  try {
    await forEachConcurrently(order, isOneStream ? 1 : pool.workers, signal, async (planned, diskSignal) => {
      const task = { ...planned, source: source.path, options, pool, reader };
      whole.set(planned, await convertOne(task, { vm: source.baseName, report }, diskSignal));
    });
  } catch (error) {
    for (const { path } of whole.keys()) await rm(path + PARTIAL_SUFFIX, { force: true });
    throw error;
  }
  return disks.flatMap((planned) => whole.get(planned) ?? []);
}

/** Before images get their names: see {@link requireOwn}. */
export async function requireAllOwn(disks: readonly WholeDisk[]): Promise<void> {
  for (const { converted, inode } of disks) await requireOwn(converted.path + PARTIAL_SUFFIX, inode);
}

async function convertOne(
  planned: Omit<DiskTask, 'onProgress' | 'onPass'> & Pick<PlannedDisk, 'capacityBytes'>,
  { vm, report }: { vm: string; report: (event: ConvertEvent) => void },
  signal: AbortSignal,
): Promise<WholeDisk> {
  const { capacityBytes, path } = planned;
  const name = basename(path);
  const startedAt = Date.now();
  report({ type: 'disk-started', vm, disk: name, capacityBytes, attempt: 1 });
  const whole = await convertDisk(
    {
      ...planned,
      onProgress: (receivedBytes, coveredBytes) =>
        report({ type: 'disk-progress', vm, disk: name, receivedBytes, coveredBytes }),
      onPass: (pass) => report({ type: 'disk-pass', vm, disk: name, pass }),
    },
    signal,
  );
  const seconds = (Date.now() - startedAt) / 1000;
  const { sizeBytes }: ConvertedDisk = whole.converted;
  report({ type: 'disk-whole', vm, disk: name, sizeBytes, sha256: '', seconds });
  return whole;
}

function archiveOffset({ disk }: PlannedDisk): number {
  return disk.packaged?.parts[0]?.offsetBytes ?? 0;
}
