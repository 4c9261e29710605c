import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readState, writeState } from '../../../src/operations/sync/replica/replica-state.ts';
import { TrackedVm } from './tracked-vm.ts';

const leasesOf = ({ server }: TrackedVm): number => server.state().leases.length;

test('reads over NFC are compared with the lease once for a replica, and again for another disk or server', async () => {
  await using web = await TrackedVm.start();
  const round = async (): Promise<number> => {
    const before = leasesOf(web);
    expect((await web.run()).error).toBeUndefined();
    return leasesOf(web) - before;
  };
  expect([await round(), await round()]).toEqual([1, 0]);
  web.server.disks.changeUuid('web', 0);
  expect(await round()).toBe(1);
  const path = join(web.scratch.output, 'web', '.web.hyper2kvm-replica');
  const state = await readState(path);
  const known = state?.nfcComparison;
  if (state === undefined || known === undefined) throw new Error('no comparison is recorded');
  expect(known.version).toMatch(/^\d.* build 1$/);
  await writeState(path, { ...state, nfcComparison: { ...known, version: '6.7.0 build 1' } });
  expect([await round(), await round()]).toEqual([1, 0]);
});

test('a comparison that was not possible is made by the next round', async () => {
  await using web = await TrackedVm.start();
  web.server.faults.add({ on: 'ExportSnapshot', action: 'soap-fault', fault: 'NotSupported' });
  const first = await web.run();
  const warnings = first.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  expect(warnings).toEqual([expect.stringContaining('could not be compared with the export lease')]);
  expect(leasesOf(web)).toBe(0);
  await web.run();
  expect(leasesOf(web)).toBe(1);
});

test('a difference fails the round, and the next one compares again', async () => {
  await using web = await TrackedVm.start();
  web.server.faults.add({ on: 'nfc', action: 'flip-bit', atByte: 100 });
  expect((await web.run()).error).toMatchObject({ message: expect.stringContaining('differ between NFC') });
  expect((await web.run()).error).toBeUndefined();
  expect(leasesOf(web)).toBe(2);
});
