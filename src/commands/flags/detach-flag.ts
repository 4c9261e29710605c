import { Flags } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { Handover } from '../../operations/detach/take-handover.ts';
import { HANDOVER_VARIABLE } from '../../operations/detach/types.ts';

/** The flag of commands that can run in the background. */
export const DETACH_FLAG = Flags.boolean({
  default: false,
  description:
    'Run in the background: start a separate process, print its job ID, and return. Follow the job with status --job ID --follow, stop it with cancel ID.',
});

/** A dry run has nothing that could go on. */
export function checkDetach(flags: { detach: boolean; 'dry-run': boolean }): void {
  if (!flags.detach || !flags['dry-run']) return;
  throw new Hyper2kvmError('usage', '--detach and --dry-run are mutually exclusive.', {
    hint: 'A dry run ends immediately: omit --detach.',
  });
}

/** Whether this process was started to go on in the background, and has not taken what was handed over yet. */
export function isDetached(env: NodeJS.ProcessEnv): boolean {
  return env[HANDOVER_VARIABLE] !== undefined;
}

/** What the process that started this one handed over; undefined where this one was not detached. */
export async function readHandover(env: NodeJS.ProcessEnv): Promise<Handover | undefined> {
  if (!isDetached(env)) return undefined;
  const { takeHandover } = await import('../../operations/detach/take-handover.ts');
  return takeHandover(env);
}
