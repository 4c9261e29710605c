import { Hyper2kvmError } from '../../base/errors.ts';
import type { Shard } from '../../operations/export/types.ts';

/** The number of shares, when the engine does not provide it or provides another number. */
const COUNT_VARIABLE = 'HYPER2KVM_SHARD_COUNT';
const MOST_SHARDS = 10_000;

/**
 * Parses `INDEX/COUNT`; the index starts at 0. `auto` takes the index from `JOB_COMPLETION_INDEX` (a Kubernetes Indexed
 * Job, which does not pass a count to its pods) or from `SLURM_ARRAY_TASK_ID`. The count comes from
 * `HYPER2KVM_SHARD_COUNT`, or from Slurm.
 * @throws usage errors.
 */
export function readShard(text: string, env: NodeJS.ProcessEnv): Shard {
  if (text === 'auto') return shardOfEnvironment(env);
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  return shard(Number(index), Number(count), `--shard ${text}`);
}

function shardOfEnvironment(env: NodeJS.ProcessEnv): Shard {
  const [pod, task] = [env['JOB_COMPLETION_INDEX'], env['SLURM_ARRAY_TASK_ID']].map((value) => value || undefined);
  if ((pod === undefined) === (task === undefined)) {
    const what = pod === undefined ? 'neither' : 'both';
    throw new Hyper2kvmError(
      'usage',
      `--shard auto needs JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID in the environment, but found ${what}.`,
      { hint: 'Outside an Indexed Job or a Slurm array, give --shard INDEX/COUNT.' },
    );
  }
  const count = env[COUNT_VARIABLE] || undefined;
  if (count !== undefined) {
    const name = pod === undefined ? 'SLURM_ARRAY_TASK_ID' : 'JOB_COMPLETION_INDEX';
    return shard(numberIn(env, name), numberIn(env, COUNT_VARIABLE), `${name} with ${COUNT_VARIABLE}`);
  }
  if (pod !== undefined) {
    throw new Hyper2kvmError('usage', `--shard auto needs ${COUNT_VARIABLE} in addition to JOB_COMPLETION_INDEX.`, {
      hint: `Set ${COUNT_VARIABLE} to the "completions" of the Job: Kubernetes does not pass it to the pods.`,
    });
  }
  return slurmShard(env);
}

/** `--array=1-7:2` has the tasks 1, 3, 5 and 7. In a list with gaps (`1,2,9`), the index of a task cannot be determined. */
function slurmShard(env: NodeJS.ProcessEnv): Shard {
  const name = 'SLURM_ARRAY_TASK_';
  const step = env[`${name}STEP`] ? numberIn(env, `${name}STEP`) : 1;
  const least = env[`${name}MIN`] ? numberIn(env, `${name}MIN`) : 0;
  const index = (numberIn(env, `${name}ID`) - least) / step;
  return shard(index, numberIn(env, `${name}COUNT`), `${name}ID, MIN, STEP and COUNT`);
}

function numberIn(env: NodeJS.ProcessEnv, name: string): number {
  const text = env[name] ?? '';
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new Hyper2kvmError('usage', `${name} must be an integer, not "${text}".`);
}

function shard(index: number, count: number, source: string): Shard {
  if (Number.isInteger(index) && count >= 1 && count <= MOST_SHARDS && index >= 0 && index < count) {
    return { index, count };
  }
  throw new Hyper2kvmError(
    'usage',
    `Invalid share in ${source}: it must be INDEX/COUNT, with INDEX from 0 to COUNT - 1.`,
    {
      hint: `For four shares, use 0/4, 1/4, 2/4 and 3/4; ${COUNT_VARIABLE} sets the count for --shard auto.`,
    },
  );
}
