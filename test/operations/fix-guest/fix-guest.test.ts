import { expect, test } from '@jest/globals';
import { fixGuest } from '../../../src/operations/fix-guest/fix-guest.ts';
import type { FixGuestOptions, FixReport } from '../../../src/operations/fix-guest/types.ts';

function options(path: string, more: Partial<FixGuestOptions> = {}): FixGuestOptions {
  const disks = [{ path, format: 'raw' }];
  return {
    fix: 'auto',
    disks,
    nics: [],
    hardware: { firmware: undefined, secureBoot: false, disks: [], nics: undefined },
    keys: [],
    root: undefined,
    removeVmwareTools: false,
    virtioWin: undefined,
    planOnly: false,
    ...more,
  };
}

async function fixed(wanted: FixGuestOptions): Promise<FixReport> {
  return await fixGuest(wanted, { signal: new AbortController().signal, report: () => {} });
}

test('without libguestfs auto says so, and require names what to install', async () => {
  const env = { PATH: '/nonexistent' };
  const report = await fixed(options('/nonexistent.img', { fix: 'auto', env }));
  expect(report).toMatchObject({
    outcome: 'not-fixed',
    reason: 'guestfish of libguestfs is not installed on this host.',
  });
  await expect(fixed(options('/nonexistent.img', { fix: 'require', env }))).rejects.toMatchObject({
    kind: 'host',
    hint: expect.stringContaining('libguestfs-tools'),
  });
});
