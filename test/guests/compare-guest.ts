import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { outputOf } from '../oracles/run-program.ts';
import type { Guest } from './guest-cache.ts';

/** The differences between the first disk of a converted guest and its source. */
export interface Comparison {
  /**
   * Paths in the root file system: `+` for added files, `-` for removed ones, and `=` for those with another type,
   * mode, owner or content.
   */
  changedFiles: string[];
  /** Whether all bytes outside the root partition are equal: partition table, boot loader, swap. */
  sameOutsideRoot: boolean;
}

/**
 * Compares each file, and each byte outside the root partition. It uses Debian's `e2fsprogs`, and supports only guests
 * with `ext4Root`.
 * Needs root, and space in `folder` for a raw disk and its files.
 */
export async function compareWithSource(guest: Guest, disk: string, folder: string): Promise<Comparison> {
  const [before, after] = [await contentOf(guest.disks[0] ?? '', folder), await contentOf(disk, folder)];
  const paths = [...new Set([...before.files.keys(), ...after.files.keys()])].toSorted();
  const changedFiles = paths.flatMap((path) => {
    const [old, now] = [before.files.get(path), after.files.get(path)];
    if (old === now) return [];
    return [`${old === undefined ? '+' : now === undefined ? '-' : '='} ${path}`];
  });
  return { changedFiles, sameOutsideRoot: before.outsideRoot === after.outsideRoot };
}

interface Content {
  /** By path: type, mode, owner, and the target of a symbolic link or the hash of a file. */
  files: Map<string, string>;
  /** Hash of all bytes outside the root partition. */
  outsideRoot: string;
}

interface PartitionTable {
  partitiontable: { sectorsize: number; partitions: { start: number; size: number }[] };
}

async function contentOf(disk: string, folder: string): Promise<Content> {
  const raw = join(folder, 'compared.raw');
  const tree = join(folder, 'compared');
  try {
    await outputOf('qemu-img', ['convert', '-O', 'raw', disk, raw]);
    const { partitiontable: table } = JSON.parse(await outputOf('sfdisk', ['--json', raw])) as PartitionTable;
    const [root] = table.partitions;
    if (root === undefined) throw new Error(`${disk} has no partition`);
    const startBytes = root.start * table.sectorsize;
    await mkdir(tree);
    // debugfs exits with 0 even after an error. A tree without files shows that it failed.
    await outputOf('debugfs', ['-R', `rdump / "${tree}"`, `${raw}?offset=${startBytes}`]);
    const files = new Map<string, string>();
    for await (const path of pathsOf(tree)) files.set(path, await factsOf(join(tree, path)));
    if (files.size === 0) throw new Error(`${disk} has no file in its first partition`);
    const outsideRoot = await hashOf(
      createReadStream(raw, { end: startBytes - 1 }),
      createReadStream(raw, { start: startBytes + root.size * table.sectorsize }),
    );
    return { files, outsideRoot };
  } finally {
    for (const path of [raw, tree]) await rm(path, { recursive: true, force: true });
  }
}

/** Yields the paths in a tree. It does not follow symbolic links, because some of them point into the host. */
async function* pathsOf(tree: string, folder = '/'): AsyncGenerator<string> {
  for (const entry of await readdir(join(tree, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    yield path;
    if (entry.isDirectory()) yield* pathsOf(tree, path);
  }
}

async function factsOf(path: string): Promise<string> {
  const stats = await lstat(path);
  const { mode, uid, gid } = stats;
  const content = stats.isSymbolicLink()
    ? await readlink(path)
    : stats.isFile()
      ? await hashOf(createReadStream(path))
      : '';
  return `${mode.toString(8)} ${uid}:${gid} ${content}`;
}

async function hashOf(...streams: readonly NodeJS.ReadableStream[]): Promise<string> {
  const hash = createHash('sha256');
  for (const stream of streams) await pipeline(stream, hash, { end: false });
  return hash.digest('hex');
}
