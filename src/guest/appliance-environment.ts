import { HostKvm } from './boot/qemu/accelerator.ts';
import { findQemuSystem } from './boot/qemu/find-qemu.ts';
import { ApplianceStartError } from './guestfs-errors.ts';

/** Of libguestfs: where it has a value, a person has chosen how the appliance runs. */
const SETTINGS = 'LIBGUESTFS_BACKEND_SETTINGS';

/** It starts in 4 to 10 s with KVM. */
const KVM_LIMIT_MS = 60_000;
/** It starts in about 30 s in emulation; the host may be busy. */
const EMULATED_LIMIT_MS = 600_000;

export interface ApplianceOptions {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Takes the sentence that the appliance runs in emulation because KVM failed. */
  onWarning?: ((sentence: string) => void) | undefined;
  /** Undefined: that of `env`. */
  kvm?: HostKvm | undefined;
  /** For an appliance with KVM. */
  kvmLimitMs?: number | undefined;
}

export interface ApplianceStart {
  env: NodeJS.ProcessEnv;
  /** How long the appliance may take to start, without the time in which supermin builds it. */
  limitMs: number;
}

/**
 * Calls `start`, which starts a program with an appliance of libguestfs: with KVM where that works, else in emulation. When `start` throws
 * {@link ApplianceStartError} with KVM, it is called once more for emulation. That error does not get out: what it is about does. Settings of `env` are kept as they are.
 */
export async function startAppliance<Result>(
  { env, signal, onWarning, kvm = new HostKvm(env), kvmLimitMs = KVM_LIMIT_MS }: ApplianceOptions,
  start: (how: ApplianceStart) => Promise<Result>,
): Promise<Result> {
  const chosen = { env, limitMs: EMULATED_LIMIT_MS };
  const qemu = env['LIBGUESTFS_HV'] || findQemuSystem(env);
  if (env[SETTINGS] !== undefined || qemu === undefined) return await start(chosen).catch(throwFailure);
  const emulated = { ...chosen, env: { ...env, [SETTINGS]: 'force_tcg' } };
  const { accelerator } = await kvm.find(qemu, signal);
  if (accelerator === 'tcg') return await start(emulated).catch(throwFailure);
  try {
    return await start({ env, limitMs: kvmLimitMs });
  } catch (error) {
    if (!(error instanceof ApplianceStartError)) throw error;
    const sentence = `${error.message} with KVM.`;
    onWarning?.(`${sentence} Emulation is used instead, which is slow.`);
    const result = await start(emulated).catch(throwFailure);
    // Only now it is KVM that was wrong, and not the appliance.
    await kvm.markBroken(qemu, sentence);
    return result;
  }
}

function throwFailure(error: unknown): never {
  throw error instanceof ApplianceStartError ? error.failure : error;
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
