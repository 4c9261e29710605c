import { expect } from '@jest/globals';
import { join } from 'node:path';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { mixedContent, sparseContent } from '../content-source.ts';
import { startTestServer } from '../test-server.ts';
import { bytesOf } from './scene.ts';

const MIB = 1 << 20;

testWithOracle('pyvmomi', 'pyvmomi reads the changes between snapshots of a guest that writes', async ({ pyvmomi }) => {
  const holes = sparseContent(64 * MIB, [{ offsetBytes: 8 * MIB, lengthBytes: MIB, fill: 'random' }], 'data');
  const disks = [{ content: mixedContent(8 * MIB, 'system') }, { content: holes }];
  await using server = await startTestServer({
    taskMs: 1,
    changeWindows: { areas: 7, spanBytes: 4 * MIB },
    vms: [{ name: 'vm', powerState: 'poweredOn', disks, changeTracking: { blockBytes: 512 } }],
  });
  using guest = server.disks.startGuest('vm', { recordsPerSecond: 200 });
  guest.write(10);
  const script = join(import.meta.dirname, '../../oracles/pyvmomi_changes.py');
  const args = [script, server.url.href, server.username, server.password, 'vm', '4'];
  const seen: PyvmomiReport = JSON.parse(await outputOf(pyvmomi, args));
  const files = ['[datastore1] vm/vm.vmdk', '[datastore1] vm/vm_1.vmdk'];
  expect(seen.before).toEqual({
    supported: true,
    enabled: false,
    consolidationNeeded: false,
    ids: [null, null],
    files,
    snapshots: 0,
  });
  // It is on, but the disks are not tracked before the first snapshot.
  expect(seen.enabled).toEqual({ ...seen.before, enabled: true, ids: ['', ''] });
  expect(seen.after).toMatchObject({ enabled: true, files, snapshots: 0, consolidationNeeded: false });
  expect(seen.rounds).toHaveLength(4);
  const copies = disks.map(({ content }) => Buffer.alloc(content.capacityBytes));
  for (const { snapshot, disks: read } of seen.rounds) {
    for (const [index, { areas, windows, changeId, fileName }] of read.entries()) {
      expect(changeId).toMatch(/^52( [0-9a-f]{2}){7}-([0-9a-f]{2} ){7}[0-9a-f]{2}\/\d+$/);
      expect(fileName).toBe(files[index]);
      expect(windows).toBeGreaterThanOrEqual((copies[index]?.length ?? 0) / (4 * MIB));
      const frozen = server.disks.content('vm', index, snapshot);
      for (const [start = 0, length = 0] of areas) {
        const bytes = await frozen.read(start, length);
        copies[index]?.fill(bytes ?? 0, start, start + length);
      }
      expect(copies[index]?.equals(await bytesOf(frozen))).toBe(true);
    }
  }
  const copied = (round: number) =>
    seen.rounds[round]?.disks.flatMap(({ areas }) => areas).reduce((sum, [, length = 0]) => sum + length, 0) ?? 0;
  expect(copied(0)).toBeLessThan(10 * MIB);
  expect(copied(3)).toBeLessThan(2 * MIB);
  expect(copied(3)).toBeGreaterThan(0);
});

testWithOracle('govc', 'govc reverts to a snapshot, and removes all of them', async ({ govc }) => {
  await using server = await startTestServer({
    taskMs: 1,
    vms: [
      {
        name: 'vm',
        powerState: 'poweredOn',
        disks: [{ content: mixedContent(MIB, 'system') }],
        changeTracking: { enabled: true },
      },
    ],
  });
  const env = {
    GOVC_URL: server.url.href,
    GOVC_USERNAME: server.username,
    GOVC_PASSWORD: server.password,
    GOVC_INSECURE: 'true',
    GOVC_PERSIST_SESSION: 'false',
  };
  const run = async (...args: string[]) => outputOf(govc, args, env);
  const content = async (snapshot?: string) => bytesOf(server.disks.content('vm', 0, snapshot));
  await run('snapshot.create', '-vm', 'vm', 'first');
  server.disks.write('vm', 0, 0, Buffer.from('second'));
  await run('snapshot.create', '-vm', 'vm', 'second');
  server.disks.write('vm', 0, 0, Buffer.from('third'));
  expect(await run('snapshot.tree', '-vm', 'vm')).toContain('second');
  await run('snapshot.revert', '-vm', 'vm', 'first');
  expect(await content()).toEqual(await content('first'));
  expect(server.state().vms['vm']).toMatchObject({ powerState: 'poweredOff', snapshots: ['first', 'second'] });
  expect(await run('device.info', '-vm', 'vm', 'disk-*')).toContain('vm-000002.vmdk');
  await run('snapshot.remove', '-vm', 'vm', '*');
  expect(server.state().vms['vm']?.snapshots).toEqual([]);
  expect(await run('device.info', '-vm', 'vm', 'disk-*')).toContain('[datastore1] vm/vm.vmdk');
  expect(await content()).toEqual(await content('first'));
});

/** The output of pyvmomi_changes.py. */
interface PyvmomiReport {
  before: PyvmomiState;
  enabled: PyvmomiState;
  after: PyvmomiState;
  rounds: {
    snapshot: string;
    disks: { changeId: string; fileName: string; windows: number; areas: number[][] }[];
  }[];
}

interface PyvmomiState {
  supported: boolean;
  enabled: boolean;
  consolidationNeeded: boolean;
  ids: (string | null)[];
  files: string[];
  snapshots: number;
}
