import { expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { shardOf } from '../../../../src/operations/export/plan/find-vms.ts';
import { emptyContent } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder, type ExportRun } from '../export-run.ts';

const vmOf = (name: string) => ({
  name,
  instanceUuid: `52aa0000-0000-4000-8000-0000000000${name.codePointAt(0)?.toString(16)}`,
  disks: [{ content: emptyContent(1 << 16) }],
});
const exported = ({ result }: ExportRun): string[] => result?.exported.map(({ vm }) => vm) ?? [];

test('a VM is in one share, and shares are of about the same size', () => {
  const sizes = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i += 1) {
    const shard = shardOf(randomUUID(), 4);
    sizes[shard] = (sizes[shard] ?? 0) + 1;
  }
  expect(sizes.reduce((sum, size) => sum + size)).toBe(4000);
  // Ten times the standard deviation of a uniform distribution (27).
  for (const size of sizes) expect(Math.abs(size - 1000)).toBeLessThan(270);
});

test('the share of a UUID is the same for ever, in upper case too', () => {
  expect(shardOf('52aa0000-0000-4000-8000-000000000001', 7)).toBe(shardOf('52AA0000-0000-4000-8000-000000000001', 7));
  expect(shardOf('52aa0000-0000-4000-8000-000000000001', 1000)).toBe(26);
});

test.concurrent('shares are divided by VM and not by word, and one VM more moves no other', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const before = new Map<string, number>();
  for (const vms of [names, ['0', ...names, 'z']]) {
    await using server = await startTestServer({ vms: vms.map(vmOf) });
    const all: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      await using scratch = await ScratchFolder.make();
      // Each shard selects the VMs with different arguments.
      const words = [['*'], ['[a-d]', '*', 'a'], ['/DC0/vm/*', '?']][index] ?? [];
      const run = await runExport(server, scratch, { vms: words, shard: { index, count: 3 } });
      for (const vm of exported(run)) expect(before.get(vm) ?? index).toBe(index);
      for (const vm of exported(run)) before.set(vm, index);
      all.push(...exported(run));
      expect(run.result?.share).toEqual({ index, count: 3, vms: exported(run).length, ofVms: vms.length });
    }
    expect(all.toSorted()).toEqual(vms.toSorted());
  }
});

test.concurrent('a share without VMs is done, and a word without VMs fails in one share', async () => {
  await using server = await startTestServer({ vms: [vmOf('a')] });
  await using scratch = await ScratchFolder.make();
  const runs = [];
  for (let index = 0; index < 3; index += 1) {
    runs.push(await runExport(server, scratch, { vms: ['a', 'nobody'], shard: { index, count: 3 } }));
  }
  expect(runs.flatMap(exported)).toEqual(['a']);
  expect(runs.flatMap(({ result }) => result?.failed ?? [])).toMatchObject([{ vm: 'nobody' }]);
  const empty = runs.filter(({ result }) => result?.share?.vms === 0 && result.failed.length === 0);
  for (const { result, events } of empty) {
    expect(result?.state).toBe('done');
    expect(events).toContainEqual(
      expect.objectContaining({ detail: expect.stringMatching(/the only VM is in other shards/) }),
    );
  }
  expect(empty.length).toBeGreaterThan(0);
});
