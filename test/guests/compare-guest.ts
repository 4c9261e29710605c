import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { outputOf, runProgram } from '../oracles/run-program.ts';
import type { Guest } from './guest-cache.ts';
import { LIBGUESTFS, TIME_LIMIT_MS } from './matrix-stages.ts';

/** How the first disk of a converted guest differs from its source. */
export interface Comparison {
  /** Lines of `virt-diff`: `+` is new, `-` gone, `=` other in mode, owner, size, attributes or SHA-256. */
  changedFiles: string[];
  /** Whether all bytes that are not in the root's partition are the same: partition table, boot loader, swap. */
  sameOutsideRoot: boolean;
}

/** Compares each file, and each byte outside the root. For guests with `ext4Root`; `folder` has room for two raw disks. */
export async function compareWithSource(guest: Guest, disk: string, folder: string): Promise<Comparison> {
  const source = guest.disks[0] ?? '';
  const [before, after] = [await hashOutsideRoot(source, folder), await hashOutsideRoot(disk, folder)];
  return { changedFiles: await changedFiles(source, disk), sameOutsideRoot: before === after };
}

async function changedFiles(source: string, disk: string): Promise<string[]> {
  const args = ['--checksum=sha256', '--uids', '--xattrs', '-a', source, '-A', disk];
  const { exitCode, stdout, stderr } = await runProgram('virt-diff', args, LIBGUESTFS, TIME_LIMIT_MS);
  if (exitCode !== 0) throw new Error(`virt-diff ended with ${exitCode}: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}

interface PartitionTable {
  partitiontable: { sectorsize: number; partitions: { start: number; size: number }[] };
}

async function hashOutsideRoot(disk: string, folder: string): Promise<string> {
  const raw = join(folder, 'compared.raw');
  await outputOf('qemu-img', ['convert', '-O', 'raw', disk, raw]);
  const { partitiontable: table } = JSON.parse(await outputOf('sfdisk', ['--json', raw])) as PartitionTable;
  const [root] = table.partitions;
  if (root === undefined) throw new Error(`${disk} has no partition`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(raw, { end: root.start * table.sectorsize - 1 }), hash, { end: false });
  await pipeline(createReadStream(raw, { start: (root.start + root.size) * table.sectorsize }), hash);
  return hash.digest('hex');
}
