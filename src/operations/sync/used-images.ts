import { join } from 'node:path';
import { isLockedByQemu } from '../../base/claims/qemu-lock.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readState, stateName } from './replica/replica-state.ts';

/**
 * Refuses to change a replica on which a VM runs.
 * @throws kind `busy`, naming the image.
 */
export async function requireUnused(folder: string, baseName: string): Promise<void> {
  const state = await readState(join(folder, stateName(baseName)));
  const files = new Set([...(state?.point?.disks ?? []), ...(state?.pending?.disks ?? [])].map(({ file }) => file));
  for (const file of files) {
    const path = join(folder, file);
    if (!(await isLockedByQemu(path))) continue;
    throw new Hyper2kvmError('busy', `${path} is in use by a running VM, so it is not changed.`, {
      hint: 'Stop the VM that runs on the replica, or replicate into another --output.',
    });
  }
}
