import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf } from '../../base/local-file-error.ts';
import { kvmObstacle } from './kvm-proof.ts';

/** As QEMU names them: the processor's own virtualization, or emulation. */
export type Accelerator = 'kvm' | 'tcg';

const DEVICE = '/dev/kvm';

/** Whether KVM can be used here, which is tried with a machine of one sector; `reason` says why not, as a sentence. */
export async function findAccelerator(
  qemu: string,
  signal: AbortSignal,
): Promise<{ accelerator: Accelerator; reason: string | undefined }> {
  try {
    const device = await open(DEVICE, constants.O_RDWR);
    await device.close();
  } catch (error) {
    return { accelerator: 'tcg', reason: reasonOf(errnoOf(error)) };
  }
  const reason = await kvmObstacle(qemu, signal);
  return { accelerator: reason === undefined ? 'kvm' : 'tcg', reason };
}

function reasonOf(code: string | undefined): string {
  if (code === 'EACCES' || code === 'EPERM') {
    return `There is no right to use ${DEVICE}: add the user to its group (usermod -aG kvm USER) and log in again.`;
  }
  if (code === 'ENOENT')
    return `There is no ${DEVICE}: load the module kvm_intel or kvm_amd, or allow nested virtualization.`;
  return `${DEVICE} cannot be opened (${code ?? 'unknown error'}).`;
}
