import { expect, test } from '@jest/globals';
import { readShard } from '../../../src/cli/input/shard.ts';

test.each([
  ['0/1', {}, 0, 1],
  ['3/4', {}, 3, 4],
  ['auto', { JOB_COMPLETION_INDEX: '2', HYPER2KVM_SHARD_COUNT: '5' }, 2, 5],
  ['auto', { SLURM_ARRAY_TASK_ID: '0', SLURM_ARRAY_TASK_COUNT: '4', SLURM_ARRAY_TASK_MIN: '0' }, 0, 4],
  ['auto', { SLURM_ARRAY_TASK_ID: '4', SLURM_ARRAY_TASK_COUNT: '4', SLURM_ARRAY_TASK_MIN: '1' }, 3, 4],
  [
    'auto',
    {
      SLURM_ARRAY_TASK_ID: '7',
      SLURM_ARRAY_TASK_COUNT: '4',
      SLURM_ARRAY_TASK_MIN: '1',
      SLURM_ARRAY_TASK_STEP: '2',
    },
    3,
    4,
  ],
  // A single task of an array, submitted again.
  ['auto', { SLURM_ARRAY_TASK_ID: '2', SLURM_ARRAY_TASK_COUNT: '1', HYPER2KVM_SHARD_COUNT: '4' }, 2, 4],
])('%s with %j is share %i of %i', (text, env, index, count) => {
  expect(readShard(text, env)).toEqual({ index, count });
});

test.each([
  ['4/4', {}, /^Invalid share in --shard 4\/4:/],
  ['0/0', {}, /^Invalid share/],
  ['-1/4', {}, /^Invalid share/],
  ['1', {}, /^Invalid share/],
  ['1/4/2', {}, /^Invalid share/],
  ['0x1/4', {}, /^Invalid share/],
  ['0/10001', {}, /^Invalid share/],
  ['auto', {}, /found neither\.$/],
  ['auto', { JOB_COMPLETION_INDEX: '' }, /found neither\.$/],
  ['auto', { JOB_COMPLETION_INDEX: '0', SLURM_ARRAY_TASK_ID: '0' }, /found both\.$/],
  ['auto', { JOB_COMPLETION_INDEX: '0' }, /needs HYPER2KVM_SHARD_COUNT/],
  [
    'auto',
    { JOB_COMPLETION_INDEX: '4', HYPER2KVM_SHARD_COUNT: '4' },
    /JOB_COMPLETION_INDEX with HYPER2KVM_SHARD_COUNT/,
  ],
  [
    'auto',
    { JOB_COMPLETION_INDEX: 'x', HYPER2KVM_SHARD_COUNT: '4' },
    /^JOB_COMPLETION_INDEX must be an integer, not "x"/,
  ],
  ['auto', { SLURM_ARRAY_TASK_ID: '1' }, /^SLURM_ARRAY_TASK_COUNT must be an integer/],
  // For --array=1,2,9, nothing shows that 9 is the third task.
  ['auto', { SLURM_ARRAY_TASK_ID: '9', SLURM_ARRAY_TASK_COUNT: '3', SLURM_ARRAY_TASK_MIN: '1' }, /^Invalid share/],
])('%s with %j is a usage error', (text, env, message) => {
  expect(() => readShard(text, env)).toThrow(
    expect.objectContaining({ kind: 'usage', message: expect.stringMatching(message) }),
  );
});
