import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { errnoOf } from '../../../base/files/local-file-error.ts';
import type { Accelerator } from './boot-machine.ts';
import { findKernel } from './find-kernel.ts';
import { kvmObstacle, type KvmTrial } from './kvm-proof.ts';
import { keepKvmRecord, kvmCase, readKvmRecord } from './kvm-record.ts';

export interface AcceleratorFinding {
  accelerator: Accelerator;
  /** Why it is not KVM, as a sentence. */
  reason: string | undefined;
}

/** KVM passed its test, but then failed to run a VM to the end. */
export class KvmBrokeError extends Hyper2kvmError {
  constructor(sentence: string, cause?: unknown) {
    super('host', sentence, {
      cause,
      hint: 'KVM does not work correctly on this host; inside a VM, check its nested virtualization. Use emulation: --accelerator tcg.',
    });
  }
}

/**
 * The KVM of this host. Findings are valid until the host reboots, and are kept until then in the user's state
 * folder.
 */
export class HostKvm {
  readonly #env: NodeJS.ProcessEnv;
  readonly #device: string;
  readonly #prove: (trial: KvmTrial, signal: AbortSignal) => Promise<string | undefined>;

  /** `env` determines the state folder and the location of the appliance's kernel. */
  constructor(env: NodeJS.ProcessEnv, { device = '/dev/kvm', prove = kvmObstacle } = {}) {
    this.#env = env;
    this.#device = device;
    this.#prove = prove;
  }

  /** Whether KVM works for this QEMU. Boots a kernel, unless that was done since the host booted. */
  async find(qemu: string, signal: AbortSignal): Promise<AcceleratorFinding> {
    try {
      const device = await open(this.#device, constants.O_RDWR);
      await device.close();
    } catch (error) {
      return { accelerator: 'tcg', reason: reasonOf(this.#device, errnoOf(error)) };
    }
    const kernel = await findKernel(this.#env);
    const now = await kvmCase(this.#device, qemu, kernel !== undefined);
    const known = now && (await readKvmRecord(this.#env, now));
    if (known) return findingOf(known.obstacle ?? undefined);
    const obstacle = await this.#prove({ qemu, kernel, env: this.#env }, signal);
    if (now) await keepKvmRecord(this.#env, { ...now, obstacle: obstacle ?? null });
    return findingOf(obstacle);
  }

  /** Records that KVM failed after its test: it is not used again until the host reboots. `obstacle` is a sentence. */
  async markBroken(qemu: string, obstacle: string): Promise<void> {
    const now = await kvmCase(this.#device, qemu, true);
    if (now) await keepKvmRecord(this.#env, { ...now, obstacle });
  }
}

function findingOf(reason: string | undefined): AcceleratorFinding {
  return { accelerator: reason === undefined ? 'kvm' : 'tcg', reason };
}

function reasonOf(device: string, code: string | undefined): string {
  if (code === 'EACCES' || code === 'EPERM') {
    return `No permission to use ${device}: add the user to its group (usermod -aG kvm USER) and log in again.`;
  }
  if (code === 'ENOENT')
    return `There is no ${device}: load the module kvm_intel or kvm_amd, or allow nested virtualization.`;
  return `${device} cannot be opened (${code ?? 'unknown error'}).`;
}
