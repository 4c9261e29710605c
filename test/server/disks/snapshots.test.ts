import { expect, test } from '@jest/globals';
import { open as openFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { TemporaryFolder } from '../../temporary-folder.ts';
import {
  dataRanges,
  emptyContent,
  mixedContent,
  rawFileContent,
  writeRawFile,
  type ContentSource,
} from '../content-source.ts';
import { rawTicket, RawNfcClient } from '../nfc/raw-nfc-client.ts';
import type { TestServerOptions, VmOptions } from '../options.ts';
import { bytesOf, Scene } from './scene.ts';

const MIB = 1 << 20;

test('a snapshot keeps its content while the guest writes on, and after it is removed', async () => {
  await using scene = await open();
  const { server } = scene;
  const before = await bytesOf(server.disks.content('vm', 0));
  server.disks.write('vm', 0, 1000, Buffer.from('first'));
  const first = await scene.takeSnapshot('first');
  server.disks.write('vm', 0, 1002, Buffer.from('second'));
  const second = await scene.takeSnapshot('second');
  server.disks.write('vm', 0, 999, { zeros: 4 });
  const contents = async () =>
    Promise.all(
      ['first', 'second', undefined].map(async (name) => {
        const bytes = await bytesOf(server.disks.content('vm', 0, name));
        return bytes.toString('latin1', 1000, 1008);
      }),
    );
  const tail = before.toString('latin1', 1005, 1008);
  const expected = [`first${tail}`, 'fisecond', '\0\0\0econd'];
  expect(await contents()).toEqual(expected);
  await scene.removeSnapshot(first);
  expect(await contents()).toEqual(expected);
  await scene.removeSnapshot(second);
  expect(await contents()).toEqual(expected);
  expect(server.disks.snapshots('vm').map(({ name }) => name)).toEqual(['first', 'second']);
});

test('files are named as on a datastore, and a merge keeps the name of the lower file', async () => {
  await using scene = await open({ disks: [{ content: emptyContent(MIB) }, { content: emptyContent(MIB) }] });
  const names = async (target: string) => (await scene.backings(target)).map(({ fileName }) => fileName);
  const first = await scene.takeSnapshot('first');
  const second = await scene.takeSnapshot('second');
  expect([await names(first), await names(second), await names(scene.vm)]).toEqual([
    ['[datastore1] vm/vm.vmdk', '[datastore1] vm/vm_1.vmdk'],
    ['[datastore1] vm/vm-000001.vmdk', '[datastore1] vm/vm_1-000001.vmdk'],
    ['[datastore1] vm/vm-000002.vmdk', '[datastore1] vm/vm_1-000002.vmdk'],
  ]);
  const [backing] = await scene.backings(scene.vm);
  expect(backing?.parents).toEqual(['[datastore1] vm/vm-000001.vmdk', '[datastore1] vm/vm.vmdk']);
  await scene.removeSnapshot(first);
  expect([await names(second), await names(scene.vm)]).toEqual([
    ['[datastore1] vm/vm.vmdk', '[datastore1] vm/vm_1.vmdk'],
    ['[datastore1] vm/vm-000002.vmdk', '[datastore1] vm/vm_1-000002.vmdk'],
  ]);
  await scene.takeSnapshot('third');
  expect((await names(scene.vm))[0]).toBe('[datastore1] vm/vm-000001.vmdk');
});

test('NFC opens the frozen file of a snapshot, and files cannot be merged until it is closed', async () => {
  await using scene = await open({}, { nfc: {} });
  const { server, client } = scene;
  const [base, leaf] = ['[datastore1] vm/vm.vmdk', '[datastore1] vm/vm-000001.vmdk'];
  const snapshot = await scene.takeSnapshot('s');
  server.disks.write('vm', 0, 0, Buffer.from('later'));
  const nfc = await RawNfcClient.open(await rawTicket(client, server, 'vm-1'));
  await expect(nfc.openFile(leaf)).rejects.toThrow('multiwriter');
  const { handle } = await nfc.openFile(base);
  await nfc.requestRead(handle, 0, 512);
  const read = Buffer.concat((await nfc.fragments(512)).map(({ data }) => data));
  expect(read).toEqual(await server.disks.content('vm', 0, 's').read(0, 512));
  await scene.removeSnapshot(snapshot);
  expect(await scene.property('runtime.consolidationNeeded')).toBe('true');
  expect((await scene.backings(scene.vm))[0]?.fileName).toBe(leaf);
  expect(await scene.runTask('ConsolidateVMDisks_Task')).toBe('FileLocked');
  await nfc.close(handle);
  while (server.state().nfc?.connections.some(({ outcome }) => outcome === 'open')) await setTimeout(5);
  expect(await scene.runTask('ConsolidateVMDisks_Task')).toBe('success');
  expect(await scene.property('runtime.consolidationNeeded')).toBe('false');
  expect((await scene.backings(scene.vm))[0]?.fileName).toBe(base);
  expect((await server.disks.content('vm', 0).read(0, 5))?.toString()).toBe('later');
});

test('a chain holds 32 snapshots', async () => {
  await using scene = await open({ disks: [{ content: emptyContent(MIB) }] });
  for (let number = 1; number <= 32; number += 1) await scene.takeSnapshot(`s${number}`);
  expect(await scene.runTask('CreateSnapshot_Task', scene.vm, Scene.snapshotArguments('s33'))).toBe(
    'TooManySnapshotLevels',
  );
});

test('a large disk costs memory for what was written only', async () => {
  await using scene = await open({ disks: [{ content: emptyContent(100 * 1024 * MIB) }] });
  const start = process.memoryUsage().rss;
  const step = 200 * MIB;
  for (let place = 0; place < 500; place += 1) {
    scene.server.disks.write('vm', 0, place * step, { random: 200 * 1024, seed: `${place}` });
    if (place % 50 === 0) await scene.removeSnapshot(await scene.takeSnapshot(`s${place}`));
  }
  const opened = scene.server.disks.content('vm', 0);
  expect((await opened.read(499 * step, 4096))?.equals(Buffer.alloc(4096))).toBe(false);
  expect(await opened.read(499 * step + MIB, 4096)).toBeUndefined();
  expect(process.memoryUsage().rss - start).toBeLessThan(50 * MIB);
});

testWithOracle('qemu-img', 'a lease sends what was frozen, also when somebody writes meanwhile', async (paths) => {
  await using scene = await open();
  await using folder = await TemporaryFolder.make('frozen-');
  const { server, client } = scene;
  const [vmdk, raw] = [join(folder.path, 'disk.vmdk'), join(folder.path, 'disk.raw')];
  const compare = async (target: string, frozen: () => ContentSource) => {
    const { lease, urls } = await client.openLease(target);
    await writeRawFile(frozen(), raw);
    server.disks.write('vm', 0, 3 * MIB, Buffer.from(`written during the lease of ${target}`));
    await writeFile(vmdk, (await client.download(urls.get('disk-0.vmdk'))).bytes);
    await client.call('HttpNfcLeaseComplete', lease);
    return outputOf(paths['qemu-img'], ['compare', '-f', 'vmdk', '-F', 'raw', vmdk, raw]);
  };
  server.disks.write('vm', 0, 2 * MIB - 100, { random: MIB, seed: 'new' });
  const snapshot = await scene.takeSnapshot('s');
  expect(await compare(snapshot, () => server.disks.content('vm', 0, 's'))).toContain('identical');
  server.changeVm('vm', { powerState: 'poweredOff' });
  expect(await compare(scene.vm, () => server.disks.content('vm', 0))).toContain('identical');
  await scene.removeSnapshot(snapshot);
  expect(await compare(scene.vm, () => server.disks.content('vm', 0))).toContain('identical');
});

test('the ranges of a raw file that hold data are what the disk has allocated', async () => {
  await using folder = await TemporaryFolder.make('ranges-');
  const path = join(folder.path, 'disk.raw');
  const capacityBytes = 2 * MIB + 512;
  await writeFile(path, Buffer.alloc(capacityBytes));
  await using file = await openFile(path, 'r+');
  await file.write(Buffer.from('x'), 0, 1, MIB + 5);
  await file.write(Buffer.from('y'), 0, 1, capacityBytes - 1);
  const extents = await dataRanges(rawFileContent(path, capacityBytes));
  await using scene = await open({ disks: [{ content: rawFileContent(path, capacityBytes, extents) }] });
  scene.server.disks.write('vm', 0, MIB + 65_536, Buffer.from('z'));
  expect(scene.server.disks.content('vm', 0).allocated?.()).toEqual([
    { offset: MIB, length: 65_537 },
    { offset: 2 * MIB, length: 512 },
  ]);
});

async function open(vm: Partial<VmOptions> = {}, options: TestServerOptions = {}): Promise<Scene> {
  const disks = [{ content: mixedContent(4 * MIB, 'system') }];
  return Scene.open({ powerState: 'poweredOn', disks, ...vm }, options);
}
