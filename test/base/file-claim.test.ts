import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { claimFile } from '../../src/base/file-claim.ts';

test('a name is claimed once, through whatever path, until the claim is given up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'claim-'));
  const link = `${folder}-link`;
  await symlink(folder, link);
  try {
    const claim = await claimFile(join(folder, 'a.qcow2'));
    await expect(claimFile(join(link, 'a.qcow2'))).rejects.toMatchObject({
      kind: 'busy',
      message: `Another run of hyper2kvm is writing ${join(link, 'a.qcow2')}.`,
    });
    await using other = await claimFile(join(folder, 'b.qcow2'));
    expect(other).toBeDefined();
    await claim[Symbol.asyncDispose]();
    await using again = await claimFile(join(folder, 'a.qcow2'));
    expect(again).toBeDefined();
  } finally {
    await rm(link);
    await rm(folder, { recursive: true });
  }
});
