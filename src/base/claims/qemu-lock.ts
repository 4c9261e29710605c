import { readFile, stat } from 'node:fs/promises';
import { errnoOf, localFileError } from '../files/local-file-error.ts';

/**
 * QEMU locks one byte of an image for each permission that it uses, from byte 100, and one for each permission that it
 * denies to others, from byte 200; the permission to write has number 1. Source: QEMU's block/file-posix.c, and
 * `enum` in include/block/block-common.h.
 */
const WRITES = 101;
const DENIES_WRITES = 201;

/** A line such as `1: OFDLCK ADVISORY  READ -1 fe:00:10019108 100 101`: device, inode, first and last byte. */
const LOCK = /\bOFDLCK\b.* [0-9a-f]+:[0-9a-f]+:(\d+) (\d+) (\d+|EOF)$/;

/**
 * True if a QEMU of this host, or a tool that takes its locks, writes to the image or must not see it change: a VM that
 * runs on it, or on an overlay of it. The device is not compared, because Btrfs reports another one.
 */
export async function isLockedByQemu(path: string): Promise<boolean> {
  const inode = await inodeOf(path);
  if (inode === undefined) return false;
  return (await readLocks()).split('\n').some((line) => {
    const [, lockedInode, first, last] = LOCK.exec(line.trim()) ?? [];
    const covers = (byte: number): boolean => Number(first) <= byte && (last === 'EOF' || Number(last) >= byte);
    return lockedInode === inode && (covers(WRITES) || covers(DENIES_WRITES));
  });
}

async function inodeOf(path: string): Promise<string | undefined> {
  try {
    return String((await stat(path, { bigint: true })).ino);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw localFileError('read', path, error);
  }
}

/** Empty on a system without /proc. */
async function readLocks(): Promise<string> {
  try {
    return await readFile('/proc/locks', 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw localFileError('read', '/proc/locks', error);
  }
}
