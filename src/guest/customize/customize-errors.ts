import { formatDuration } from '../../base/text/amounts.ts';
import { Hyper2kvmError } from '../../base/errors.ts';

/** This host has no virt-customize. */
export class MissingVirtCustomizeError extends Hyper2kvmError {
  constructor() {
    super('host', 'virt-customize, which changes the guest as requested, is not installed on this host.', {
      hint: 'Install the package guestfs-tools (Debian, Ubuntu, Fedora, RHEL, openSUSE).',
    });
  }
}

/** The guest was not changed as requested. Nothing of the result may be kept. */
export class CustomizeError extends Hyper2kvmError {}

export function customizeFailed(said: string, hint: string): CustomizeError {
  return new CustomizeError('guest', `virt-customize could not change the guest: ${said}`, { hint });
}

export function customizeTooLong(limitMs: number, step: string): CustomizeError {
  const during = step === '' ? '' : ` Last step: ${step}`;
  return new CustomizeError(
    'guest',
    `virt-customize did not finish within ${formatDuration(limitMs / 1000)}.${during}`,
    { hint: 'Run what takes long at the first boot (firstboot), or check whether a command waits for input.' },
  );
}
