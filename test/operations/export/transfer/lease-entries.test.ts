import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { emptyContent, mixedContent, randomContent, writeRawFile } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export-run.ts';

const MiB = 1 << 20;
const DISKS = [{ content: mixedContent(2 * MiB, 'system') }, { content: emptyContent(3 * MiB) }];

test('a disk entry without a targetId is exported', async () => {
  await using server = await startTestServer({ vms: [{ name: 'web', disks: DISKS }] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'lease', action: 'target-id', disk: 'disk-1.vmdk', targetId: '' });
  const { error } = await runExport(server, scratch);
  expect(error).toBeUndefined();
  expect(await scratch.files()).toEqual(['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf', 'web.ovf']);
});

test('the NVRAM is exported without a targetId too', async () => {
  await using server = await startTestServer({ vms: [{ name: 'web', disks: DISKS, nvram: Buffer.alloc(8684, 'nv') }] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'lease', action: 'target-id', disk: 'nvram', targetId: '' });
  const { error } = await runExport(server, scratch);
  expect(error).toBeUndefined();
  expect(await scratch.files()).toContain('web.nvram');
});

test('an NVRAM without end does not fill the disk', async () => {
  const nvram = Buffer.alloc(17 * MiB, 'nv');
  await using server = await startTestServer({ vms: [{ name: 'web', disks: DISKS, nvram }] });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch, { retries: 0 });
  expect(error).toMatchObject({ kind: 'transfer', message: expect.stringMatching(/web\.nvram is longer than/) });
  expect(await scratch.files()).not.toContain('web.nvram');
});

test.each([
  ['efi', [expect.stringContaining('does not offer the NVRAM')]],
  ['bios', []],
] as const)('a VM with firmware %s and no NVRAM is exported with %j as warnings', async (firmware, warnings) => {
  await using server = await startTestServer({ vms: [{ name: 'web', disks: DISKS, firmware }] });
  await using scratch = await ScratchFolder.make();
  const { result } = await runExport(server, scratch);
  expect(result?.exported[0]?.warnings).toEqual(warnings);
});

test('the result says which disk of the VM became which file', async () => {
  await using server = await startTestServer({ vms: [{ name: 'web', disks: DISKS }] });
  await using scratch = await ScratchFolder.make();
  const { result } = await runExport(server, scratch, { format: 'qcow2' });
  expect(result?.exported[0]?.disks).toEqual([
    {
      label: 'Hard disk 1',
      datastoreFile: expect.stringMatching(/^\[datastore1\] web\/web\S*\.vmdk$/),
      file: 'web-disk-1.qcow2',
      capacityBytes: 2 * MiB,
    },
    expect.objectContaining({ label: 'Hard disk 2', file: 'web-disk-2.qcow2', capacityBytes: 3 * MiB }),
  ]);
});

test.each(['bus', 'index'] as const)(
  'disks of several controllers, listed and leased in other orders, come each into its own file (keys by %s)',
  async (keys) => {
    const [first, second, third] = ['one', 'two', 'three'].map((seed) => randomContent(MiB, seed));
    if (!first || !second || !third) throw new Error('three contents');
    const contents = [first, second, third];
    const disks = [
      { content: third, controller: 'pvscsi', busNumber: 2 },
      { content: first, controller: 'lsilogic', busNumber: 0 },
      { content: second, controller: 'pvscsi', busNumber: 1 },
    ] as const;
    const lease = { order: 'reversed', keys, targetIds: false } as const;
    const vm = { name: 'web', disks, deviceOrder: 'shuffled', lease, bootOrder: ['ethernet', 0] } as const;
    await using server = await startTestServer({
      vms: [{ ...vm, nvram: Buffer.alloc(8684, 'nv'), iso: '[datastore1] a.iso' }],
      nvramEntry: 'real',
    });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch, { format: 'raw' });
    expect(error).toBeUndefined();
    for (const [index, content] of contents.entries()) {
      const expected = join(scratch.path, 'expected');
      await writeRawFile(content, expected);
      const image = await readFile(join(scratch.output, `web-disk-${index + 1}.raw`));
      expect(image.equals(await readFile(expected))).toBe(true);
    }
    expect(await scratch.files()).toContain('web.nvram');
    const xml = await readFile(join(scratch.output, 'web.xml'), 'utf8');
    const orders = [...xml.matchAll(/<boot order=['"](\d)['"]/g)].map(([, order]) => order);
    expect(orders.slice(0, 3)).toEqual(['2', '3', '1']);
  },
);
