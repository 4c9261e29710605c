import { constants } from 'node:fs';
import { access, readdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { doubtAbout } from '../../../base/files/own-file.ts';

/**
 * A Linux kernel of this host that QEMU can boot to test KVM: the kernel of the libguestfs appliance, or else the
 * newest installed one. Undefined if there is none, or none that this user may read (Ubuntu's have mode 0600). A
 * kernel that another user could have placed there is ignored: supermin's cache is in a world-writable folder.
 */
export async function findKernel(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const paths of [applianceKernels(env), await installedKernels()]) {
    const kernels = await Promise.all(paths.map(describe));
    const newest = kernels.filter((kernel) => kernel !== undefined).toSorted((a, b) => b.modifiedMs - a.modifiedMs)[0];
    if (newest !== undefined) return newest.path;
  }
  return undefined;
}

/** Fixed appliances (guestfs(3), LIBGUESTFS_PATH), and the appliance that supermin caches. */
function applianceKernels(env: NodeJS.ProcessEnv): string[] {
  const fixed = (env['LIBGUESTFS_PATH'] ?? '').split(':').filter(isAbsolute);
  const cache = env['LIBGUESTFS_CACHEDIR'] ?? env['TMPDIR'] ?? '/var/tmp';
  const supermin = join(cache, `.guestfs-${process.geteuid?.() ?? 0}`, 'appliance.d');
  return [...fixed, supermin].map((folder) => join(folder, 'kernel'));
}

/** Debian and SUSE store kernels in /boot, Fedora and RHEL in /lib/modules too. */
async function installedKernels(): Promise<string[]> {
  const boot = await namesIn('/boot');
  const modules = await namesIn('/lib/modules');
  return [
    ...boot.filter((name) => /^vmlinuz-(?!.*rescue)/.test(name)).map((name) => join('/boot', name)),
    ...modules.map((name) => join('/lib/modules', name, 'vmlinuz')),
  ];
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

async function describe(path: string): Promise<{ path: string; modifiedMs: number } | undefined> {
  try {
    const real = await realpath(path);
    const stats = await stat(real);
    await access(real, constants.R_OK);
    return doubtAbout(stats) === undefined ? { path: real, modifiedMs: stats.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}
