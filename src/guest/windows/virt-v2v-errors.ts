import { formatDuration } from '../../base/text/amounts.ts';
import { Hyper2kvmError } from '../../base/errors.ts';

/** This host has not all that puts drivers into Windows. */
export class MissingVirtV2vError extends Hyper2kvmError {
  constructor(sentence: string, hint: string) {
    super('host', sentence, { hint });
  }
}

export function virtV2vFailed(said: string): Hyper2kvmError {
  return new Hyper2kvmError('guest', `virt-v2v-in-place could not change Windows: ${said}`, {
    hint: 'The source is as it was. Leave --virtio-win out to convert Windows as it is.',
  });
}

export function virtV2vTooLong(limitMs: number): Hyper2kvmError {
  return new Hyper2kvmError('guest', `virt-v2v-in-place was not over after ${formatDuration(limitMs / 1000)}.`, {
    hint: 'Without KVM on this host its appliance is emulated, which is slow. Leave --virtio-win out to convert Windows as it is.',
  });
}
