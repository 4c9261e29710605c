import { formatDuration } from '../../base/text/amounts.ts';
import { Hyper2kvmError } from '../../base/errors.ts';

/** This host lacks a requirement for installing drivers into Windows. */
export class MissingVirtV2vError extends Hyper2kvmError {
  constructor(sentence: string, hint: string) {
    super('host', sentence, { hint });
  }
}

export function virtV2vFailed(said: string): Hyper2kvmError {
  return new Hyper2kvmError('guest', `virt-v2v-in-place could not change Windows: ${said}`, {
    hint: 'The source is unchanged. Omit --virtio-win to convert Windows unchanged.',
  });
}

export function virtV2vTooLong(limitMs: number): Hyper2kvmError {
  return new Hyper2kvmError('guest', `virt-v2v-in-place did not finish within ${formatDuration(limitMs / 1000)}.`, {
    hint: 'Without KVM on this host its appliance is emulated, which is slow. Omit --virtio-win to convert Windows unchanged.',
  });
}
