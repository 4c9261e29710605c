import { findAccelerator } from './boot/accelerator.ts';
import { findQemuSystem } from './boot/find-qemu.ts';

const SETTINGS = 'LIBGUESTFS_BACKEND_SETTINGS';

/** Where KVM is there and does not work (nested machines), the appliance of libguestfs is emulated; unless `env` has settings of its own. */
export async function withAccelerator(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<NodeJS.ProcessEnv> {
  const qemu = findQemuSystem(env);
  if (env[SETTINGS] !== undefined || qemu === undefined) return env;
  const { accelerator } = await findAccelerator(qemu, signal);
  return accelerator === 'tcg' ? { ...env, [SETTINGS]: 'force_tcg' } : env;
}

/** `direct`: no libvirtd is needed. What libguestfs leaves in its folders when it is killed goes with `scratch`. */
export function scratchEnvironment(scratch: string): Record<string, string> {
  // The name of a socket ends at 107 bytes.
  const isShort = scratch.length < 60;
  return {
    LIBGUESTFS_BACKEND: 'direct',
    LC_ALL: 'C.UTF-8',
    LIBGUESTFS_TMPDIR: scratch,
    ...(isShort ? { XDG_RUNTIME_DIR: scratch } : {}),
  };
}
