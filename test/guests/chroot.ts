import type { StepRunner } from './run-step.ts';

// The mounts are in a namespace of their own and end with the command. There is no /sys: tools of the guest must not look at this host.
const ENTER = `
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/dev"
for node in null zero full random urandom tty; do touch "$1/dev/$node" && mount --bind "/dev/$node" "$1/dev/$node"; done
ln -s /proc/self/fd "$1/dev/fd"
mkdir "$1/dev/pts"
mount -t devpts devpts "$1/dev/pts" -o newinstance,ptmxmode=666
ln -s pts/ptmx "$1/dev/ptmx"
exec chroot "$1" /bin/sh -eu
`;

/** Runs shell commands in a tree. */
export async function runInTree(
  steps: StepRunner,
  tree: string,
  commands: string,
  env: Record<string, string> = {},
): Promise<string> {
  const args = ['--mount', '--propagation', 'private', '/bin/sh', '-eu', '-c', ENTER, 'sh', tree];
  return steps.run('unshare', args, {
    input: commands,
    env: { DEBIAN_FRONTEND: 'noninteractive', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
  });
}
