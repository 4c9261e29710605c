import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { FixOptions } from '../../../../src/operations/fix-guest/types.ts';
import { tinyGuest } from '../../../guest/boot/boot-sector.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { emptyContent, rawFileContent } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { runExport, ScratchFolder } from '../export-run.ts';

const MIB = 2 ** 20;
const FIX: FixOptions = { ...NO_FIX, fix: 'require' };

describe('--boot-test', () => {
  const tiny = async (scratch: ScratchFolder, text: string) => {
    const path = join(scratch.path, 'tiny.img');
    const disk = Buffer.alloc(MIB);
    tinyGuest({ text }).copy(disk);
    await writeFile(path, disk);
    return { name: 'tiny', firmware: 'bios', disks: [{ content: rawFileContent(path, MIB) }] } as const;
  };
  const environment = (scratch: ScratchFolder) => ({
    ...process.env,
    XDG_STATE_HOME: join(scratch.path, 'state'),
  });

  testWithOracle(
    ['qemu-system-x86_64', 'qemu-img'],
    'tells of a VM that does not come up, whose images stay',
    async () => {
      await using scratch = await ScratchFolder.make();
      const vm = await tiny(scratch, 'Kernel panic - not syncing: no root');
      await using server = await startTestServer({ vms: [vm] });
      const run = await runExport(server, scratch, { format: 'qcow2', bootTest: true, env: environment(scratch) });
      expect(run.error).toBeUndefined();
      expect(run.result?.exported[0]?.bootTest).toMatchObject({
        failure: { kind: 'kernel-panic' },
        problem: { message: expect.stringMatching(/^tiny did not come up/) },
      });
      expect(await scratch.files()).toEqual(['tiny-disk-1.qcow2', 'tiny.xml']);
    },
    300_000,
  );

  testWithOracle(
    ['qemu-system-x86_64', 'qemu-img'],
    'that fails removes no old generation, and lets no later run skip the VM',
    async () => {
      await using scratch = await ScratchFolder.make();
      const vm = await tiny(scratch, 'Kernel panic - not syncing: no root');
      await using server = await startTestServer({ vms: [vm] });
      const options = { format: 'qcow2', keep: 1, ifChanged: true, env: environment(scratch) } as const;
      const [first] = (await runExport(server, scratch, options)).result?.exported ?? [];
      const [kept = ''] = first?.generations?.kept ?? [];
      server.changeVm('tiny', { writeDisks: true });
      const [second] = (await runExport(server, scratch, { ...options, bootTest: true })).result?.exported ?? [];
      expect(second).toMatchObject({ bootTest: { problem: expect.anything() }, generations: { removed: [] } });
      expect(second?.generations?.kept).toEqual([expect.anything(), kept]);
      const third = await runExport(server, scratch, options);
      expect(third.result).toMatchObject({ skipped: [], exported: [{ generations: { removed: expect.anything() } }] });
      expect(third.result?.exported[0]?.generations?.removed).toContain(kept);
    },
    300_000,
  );

  test('without QEMU nothing is fetched', async () => {
    await using scratch = await ScratchFolder.make();
    await using server = await startTestServer({ vms: [await tiny(scratch, '')] });
    const env = { ...environment(scratch), PATH: scratch.path };
    const { error } = await runExport(server, scratch, { format: 'raw', bootTest: true, env });
    expect(error).toMatchObject({ kind: 'host', hint: expect.stringContaining('qemu') });
    expect(server.state().leases).toEqual([]);
    expect(await scratch.files()).toEqual([]);
  });
});

test('--fix require without libguestfs fetches nothing', async () => {
  await using scratch = await ScratchFolder.make();
  await using server = await startTestServer({ vms: [{ name: 'web', disks: [{ content: emptyContent(MIB) }] }] });
  const env = { PATH: scratch.path, XDG_STATE_HOME: join(scratch.path, 'state') };
  const { error } = await runExport(server, scratch, { format: 'qcow2', guest: FIX, env });
  expect(error).toMatchObject({ kind: 'host', hint: expect.stringContaining('libguestfs-tools') });
  expect(server.state().leases).toEqual([]);
});
