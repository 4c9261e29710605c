import { HostKvm } from './boot/qemu/accelerator.ts';
import { findQemuSystem } from './boot/qemu/find-qemu.ts';
import { ApplianceStartError } from './guestfs-errors.ts';

/** A libguestfs variable. If it is set, the user has chosen how the appliance runs. */
const SETTINGS = 'LIBGUESTFS_BACKEND_SETTINGS';

/** The appliance starts in 4 to 10 s with KVM. */
const KVM_LIMIT_MS = 60_000;
/** The appliance starts in about 30 s in emulation; the host may be busy. */
const EMULATED_LIMIT_MS = 600_000;

export interface ApplianceOptions {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Receives a sentence if the appliance runs in emulation because KVM failed. */
  onWarning?: ((sentence: string) => void) | undefined;
  /** Defaults to the KVM of the host that `env` describes. */
  kvm?: HostKvm | undefined;
  /** The start limit for an appliance with KVM. */
  kvmLimitMs?: number | undefined;
}

export interface ApplianceStart {
  env: NodeJS.ProcessEnv;
  /** The time limit for the appliance's start, excluding the time in which supermin builds it. */
  limitMs: number;
}

/**
 * Calls `start`, which starts a program with a libguestfs appliance: with KVM if KVM works, otherwise in emulation.
 * If `start` throws {@link ApplianceStartError} with KVM, it is called again for emulation. That error is never
 * thrown to the caller; its `failure` is. Settings in `env` are respected.
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
    // The start in emulation succeeded, so the fault was in KVM and not in the appliance.
    await kvm.markBroken(qemu, sentence);
    return result;
  }
}

function throwFailure(error: unknown): never {
  throw error instanceof ApplianceStartError ? error.failure : error;
}

/** `direct` needs no libvirtd. If libguestfs is killed, the files in its folders are removed with `scratch`. */
export function scratchEnvironment(scratch: string): Record<string, string> {
  // Socket paths are limited to 107 bytes.
  const isShort = scratch.length < 60;
  return {
    LIBGUESTFS_BACKEND: 'direct',
    LC_ALL: 'C.UTF-8',
    LIBGUESTFS_TMPDIR: scratch,
    ...(isShort ? { XDG_RUNTIME_DIR: scratch } : {}),
  };
}
