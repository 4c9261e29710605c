import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { listReplicas } from '../../../src/operations/sync/list-replicas.ts';
import { makeFolder } from '../../../src/base/files/make-folder.ts';
import { TemporaryFolder } from '../../temporary-folder.ts';
import { runRound } from './replica/round-process.ts';

test('lists the replicas of a folder, and those whose record is damaged', async () => {
  await using folder = await TemporaryFolder.make('replicas-');
  for (const name of ['other', 'web', 'bad']) await makeFolder(join(folder.path, name));
  await runRound(join(folder.path, 'web'), 'raw', () => {});
  await writeFile(join(folder.path, 'bad', '.bad.hyper2kvm-replica'), 'x', { mode: 0o600 });
  expect(await listReplicas(folder.path)).toMatchObject([
    { vm: 'bad', takenAt: null, downtime: null, rehearsal: null, problem: expect.stringContaining('is damaged') },
    {
      vm: 'web',
      round: 1,
      isPending: false,
      nextRoundSeconds: null,
      downtime: { missing: ['second-round', 'rehearsal'] },
    },
  ]);
  expect(await listReplicas(join(folder.path, 'missing'))).toEqual([]);
});
