import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readAptSource, sourcesList, type Suite } from './apt-source.ts';
import { DPKG_SETTINGS } from './base-files.ts';
import { runInTree } from './chroot.ts';
import type { StepRunner } from './run-step.ts';

const PACKAGES = [
  'dbus',
  'grub-pc-bin',
  'grub2-common',
  'ifupdown',
  'initramfs-tools',
  'iproute2',
  'iputils-ping',
  'isc-dhcp-client',
  'kmod',
  'linux-image-amd64',
  'systemd-sysv',
  'udev',
  'zstd',
];

/** Makes the tree that all guests of a release start from: a tar at `path`, with apt's lists in it. Needs root. */
export async function buildDebianBase(suite: Suite, path: string, steps: StepRunner): Promise<void> {
  const source = await readAptSource(steps);
  const tree = await mkdtemp(`${path}-`);
  try {
    await mkdir(join(tree, 'etc/dpkg/dpkg.cfg.d'), { recursive: true });
    await writeFile(join(tree, 'etc/dpkg/dpkg.cfg.d/small'), DPKG_SETTINGS);
    const include = `--include=${PACKAGES.join(',')}`;
    // debootstrap mounts the host's /proc in the tree. In a namespace of its own that ends with it, also when it fails.
    const debootstrap = ['debootstrap', '--variant=minbase', include, suite, tree, source.mirror];
    await steps.run('unshare', ['--mount', '--propagation', 'private', ...debootstrap], { env: source.env });
    await writeFile(join(tree, 'etc/apt/sources.list'), sourcesList(source, suite));
    await runInTree(
      steps,
      tree,
      // What debootstrap unpacked by itself did not heed dpkg's settings.
      `apt-get update
      apt-get clean
      rm -rf /usr/share/doc/* /usr/share/man/* /usr/share/locale/* /usr/share/info/*`,
      source.env,
    );
    await steps.run('tar', ['-C', tree, '--numeric-owner', '-cf', `${path}.partial`, '.']);
    await rename(`${path}.partial`, path);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
