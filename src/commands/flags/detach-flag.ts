import { Flags } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { Handover } from '../../operations/detach/take-handover.ts';
import { HANDOVER_VARIABLE } from '../../operations/detach/types.ts';

/** The flag for commands that can run in the background. */
export const DETACH_FLAG = Flags.boolean({
  default: false,
  description:
    'Run in the background: start a separate process, print its job ID, and return. Follow the job with status --job ID --follow, stop it with cancel ID.',
});

/** Refuses `--detach` with `--dry-run`: a dry run has no work to continue in the background. */
export function checkDetach(flags: { detach: boolean; 'dry-run': boolean }): void {
  if (!flags.detach || !flags['dry-run']) return;
  throw new Hyper2kvmError('usage', '--detach and --dry-run are mutually exclusive.', {
    hint: 'A dry run ends immediately: omit --detach.',
  });
}

/** True when this process was started to run in the background and has not yet read the handover. */
export function isDetached(env: NodeJS.ProcessEnv): boolean {
  return env[HANDOVER_VARIABLE] !== undefined;
}

/** The data handed over by the process that started this one; undefined when this process is not detached. */
export async function readHandover(env: NodeJS.ProcessEnv): Promise<Handover | undefined> {
  if (!isDetached(env)) return undefined;
  const { takeHandover } = await import('../../operations/detach/take-handover.ts');
  return takeHandover(env);
}
