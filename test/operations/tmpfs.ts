import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testUnless } from '../oracles/skips.ts';

/** Runs `work` with a small file system mounted at `folder`. */
export async function withTmpfs(folder: string, options: string, work: () => Promise<void>): Promise<void> {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  try {
    await work();
  } finally {
    execFileSync('umount', [folder]);
  }
}

/** Runs `work` with a Btrfs mounted at `folder`. A quota of `limit` (such as `4M`) applies. The file system image is at `path`. */
export async function withQuota(
  { folder, path }: { folder: string; path: string },
  limit: string,
  work: () => Promise<void>,
): Promise<void> {
  // mkfs.btrfs needs at least 109 MiB.
  execFileSync('truncate', ['--size=130M', path]);
  execFileSync('mkfs.btrfs', ['--quiet', path]);
  execFileSync('mount', ['-o', 'loop', path, folder]);
  try {
    execFileSync('btrfs', ['quota', 'enable', folder]);
    execFileSync('btrfs', ['qgroup', 'limit', limit, folder]);
    await work();
  } finally {
    execFileSync('umount', [folder]);
  }
}

/** File systems that reject names which Linux allows. */
const MOUNTS = {
  mkntfs: { make: ['mkntfs', '--fast', '--force', '--quiet'], mount: ['ntfs-3g', '-o', 'windows_names'] },
  fusefat: { make: ['mkfs.vfat'], mount: ['fusefat', '-o', 'rw+'] },
} as const;

/** Runs `work` with an NTFS or FAT mounted at `folder` through FUSE. The file system image is at `path`. */
export async function withWindowsNames(
  kind: keyof typeof MOUNTS,
  { folder, path }: { folder: string; path: string },
  work: () => Promise<void>,
): Promise<void> {
  const { make, mount } = MOUNTS[kind];
  execFileSync('truncate', ['--size=32M', path]);
  execFileSync(make[0], [...make.slice(1), path], { stdio: 'ignore' });
  execFileSync(mount[0], [...mount.slice(1), path, folder], { stdio: 'ignore' });
  try {
    await work();
  } finally {
    execFileSync('fusermount', ['-u', folder]);
  }
}

/** Whether this process can mount. In a container, root also needs the permission for it. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'hyper2kvm-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

/** Defines a test that mounts its own file system. */
export function testWithMount(title: string, run: () => Promise<void>, timeoutMs?: number): void {
  testUnless(IS_PERMITTED ? undefined : { missing: 'root, and leave to mount' }, title, run, timeoutMs);
}

const IS_PERMITTED = canMount();
