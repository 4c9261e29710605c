import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readCount } from '../../cli/input/option-values.ts';
import { readShard } from '../../cli/input/shard.ts';
import type { ExportOptions } from '../../operations/export/types.ts';

const FLEET = 'MANY VMS';
const MOST_JOBS = 16;
/** Each download has a connection and an open file or image, and uses up to about 16 MiB of memory. */
const MOST_DOWNLOADS = 32;

/** Flags for many VMs: concurrently on this host, or distributed over several hosts. See docs/fleet.md. */
export const FLEET_FLAGS = {
  'parallel-vms': Flags.string({
    aliases: ['jobs'],
    helpGroup: FLEET,
    helpValue: 'N',
    default: '1',
    description: `Number of VMs to export at the same time, 1 to ${MOST_JOBS}. Each downloads --parallel-disks at once; both multiplied may be at most ${MOST_DOWNLOADS}. All VMs share one session and one --limit-rate.`,
  }),
  'skip-existing': Flags.boolean({
    default: false,
    helpGroup: FLEET,
    description: 'Skip VMs whose complete export by an earlier run is in its folder, and export only the others.',
  }),
  shard: Flags.string({
    helpGroup: FLEET,
    helpValue: 'INDEX/COUNT',
    description:
      'Export one of COUNT shares of the VMs, with INDEX from 0, such as 0/4. Each VM belongs to exactly one share, regardless of the other VMs. "auto" reads both numbers from the environment of a Kubernetes Indexed Job or a Slurm array.',
  }),
};

type FleetFlagValues = Interfaces.InferredFlags<typeof FLEET_FLAGS> & { keep?: string | undefined };

/**
 * Parses the flags for many VMs.
 * @throws usage errors.
 */
export function readFleetOptions(
  { 'parallel-vms': jobsText, 'skip-existing': skipExisting, shard, keep }: FleetFlagValues,
  parallel: number,
  env: NodeJS.ProcessEnv,
): Pick<ExportOptions, 'jobs' | 'skipExisting' | 'shard'> {
  const jobs = readJobs(jobsText, parallel);
  if (skipExisting && keep !== undefined) {
    throw new Hyper2kvmError('usage', '--skip-existing and --keep are mutually exclusive.', {
      hint: 'With --keep each run creates a new generation; --skip-existing keeps the one existing export.',
    });
  }
  return { jobs, skipExisting, shard: shard === undefined ? undefined : readShard(shard, env) };
}

/**
 * Parses `--parallel-vms`.
 * @throws usage errors, also for too many downloads at once.
 */
export function readJobs(text: string, parallel: number): number {
  const jobs = readCount('--parallel-vms', text, 1, MOST_JOBS);
  if (jobs * parallel <= MOST_DOWNLOADS) return jobs;
  throw new Hyper2kvmError(
    'usage',
    `--parallel-vms ${jobs} with --parallel-disks ${parallel} would be ${jobs * parallel} downloads at once; the maximum is ${MOST_DOWNLOADS}.`,
    { hint: `With --parallel-vms ${jobs}, --parallel-disks may be ${Math.floor(MOST_DOWNLOADS / jobs)}.` },
  );
}
