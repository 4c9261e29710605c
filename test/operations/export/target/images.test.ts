import { describe, expect, test } from '@jest/globals';
import { readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { InterruptedError } from '../../../../src/base/errors.ts';
import { FOREIGN_LEFTOVERS } from '../../../foreign-leftovers.ts';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { testUnless } from '../../../oracles/skips.ts';
import { writeRawFile } from '../../../server/content-source.ts';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder, type ExportChoices } from '../export-run.ts';
import { CONTENTS, THREE_DISKS } from '../package-checks.ts';

type Images = Pick<ExportChoices, 'compression'> & { format: 'qcow2' | 'raw' };

const KINDS: Images[] = [
  { format: 'qcow2', compression: undefined },
  { format: 'qcow2', compression: 'fast' },
  { format: 'qcow2', compression: 'careful' },
  { format: 'qcow2', compression: 'zstd' },
  { format: 'raw', compression: undefined },
];

const filesOf = (format: string) =>
  [1, 2, 3].map((number) => `web-disk-${number}.${format}`).concat('web.nvram', 'web.xml');

/** Expects that every disk passes `qemu-img check` and has the same content as the server's disk. */
async function expectSameDisks(qemuImg: string, folder: string, format: string): Promise<void> {
  for (const [index, content] of CONTENTS.entries()) {
    const image = join(folder, `web-disk-${index + 1}.${format}`);
    const raw = `${image}.expected`;
    await writeRawFile(content, raw);
    if (format === 'qcow2')
      expect((await runProgram(qemuImg, ['check', image])).stdout).toMatch(/^No errors were found/);
    const { stdout } = await runProgram(qemuImg, ['compare', '-f', format, '-F', 'raw', image, raw]);
    expect(stdout).toBe('Images are identical.\n');
  }
}

describe.each(['sha256', 'none'] as const)('from a server that gives %s of what it sends', (manifest) => {
  for (const kind of KINDS) {
    const title = `disks become ${kind.format}${kind.compression ? ` (${kind.compression})` : ''} in one pass`;
    testWithOracle('qemu-img', title, async (oracles) => {
      await using server = await startTestServer({ vms: [THREE_DISKS], manifest });
      await using scratch = await ScratchFolder.make();
      const { error, events } = await runExport(server, scratch, kind);
      expect(error).toBeUndefined();
      expect(await scratch.files()).toEqual(filesOf(kind.format));
      expect(events.filter((event) => event.type === 'disk-complete')).toHaveLength(4);
      await expectSameDisks(oracles['qemu-img'], scratch.output, kind.format);
      expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    });
  }
});

test('the domain has the machine of the VM', async () => {
  await using server = await startTestServer({ vms: [{ ...THREE_DISKS, cpus: 4, memoryMb: 3072 }] });
  await using scratch = await ScratchFolder.make();
  await runExport(server, scratch, { format: 'qcow2' });
  const xml = await readFile(join(scratch.output, 'web.xml'), 'utf8');
  expect(xml).toMatch(/<name>web<\/name>/);
  expect(xml).toMatch(/<memory unit=['"]\w+['"]>(3145728|3221225472|3072)<\/memory>/);
  expect(xml).toMatch(/<os firmware=['"]efi['"]/);
  expect(xml).toContain('00:50:56:01:02:03');
  const disks = [...xml.matchAll(/<source file=['"]([^'"]*)['"]/g)].map(([, path]) => path);
  expect(disks).toEqual([1, 2, 3].map((number) => join(scratch.output, `web-disk-${number}.qcow2`)));
});

describe('a fault on the way', () => {
  const passing: [string, ScriptedFault][] = [
    ['a line that is cut', { on: 'disk', action: 'cut', afterBytes: 300_000, target: 'disk-1.vmdk' }],
    ['a bit that flips', { on: 'disk', action: 'flip-bit', atByte: 500_000, target: 'disk-1.vmdk' }],
    ['an empty answer', { on: 'disk', action: 'empty', target: 'disk-0.vmdk' }],
    ['a lease that expires', { on: 'disk', action: 'lease-expires', afterBytes: 200_000, target: 'disk-1.vmdk' }],
  ];
  for (const [title, fault] of passing) {
    testWithOracle('qemu-img', `${title} is outlived`, async (oracles) => {
      await using server = await startTestServer({ vms: [THREE_DISKS] });
      await using scratch = await ScratchFolder.make();
      server.faults.add(fault);
      const { error } = await runExport(server, scratch, { format: 'qcow2', compression: 'fast' });
      expect(error).toBeUndefined();
      expect(server.faults.pending).toEqual([]);
      await expectSameDisks(oracles['qemu-img'], scratch.output, 'qcow2');
    });
  }

  test('that stays ends with no image, and nothing on the server', async () => {
    await using server = await startTestServer({ vms: [THREE_DISKS] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'flip-bit', atByte: 150_000, target: 'disk-1.vmdk', times: 100 });
    const { error } = await runExport(server, scratch, { format: 'qcow2', compression: 'fast', retries: 1 });
    expect(error).toMatchObject({ message: expect.stringMatching(/^web-disk-2\.qcow2 could not be downloaded/) });
    expect((await scratch.files()).filter((name) => !/partial$|resume$/.test(name))).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });

  test('an interruption leaves no file', async () => {
    await using server = await startTestServer({ vms: [THREE_DISKS] });
    await using scratch = await ScratchFolder.make();
    const ending = new AbortController();
    const { thrown } = await runExport(server, scratch, {
      format: 'raw',
      signal: ending.signal,
      onEvent: (event) => {
        if (event.type === 'disk-progress') ending.abort(new InterruptedError('SIGTERM'));
      },
    });
    expect(thrown).toEqual(new InterruptedError('SIGTERM'));
    expect(await scratch.files()).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

test.each([true, false])('a whole image is kept for the next run while it is untouched: %s', async (untouched) => {
  await using server = await startTestServer({ vms: [THREE_DISKS] });
  await using scratch = await ScratchFolder.make();
  const options = { format: 'qcow2', parallel: 1, retries: 0 } as const;
  server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'status', status: 503 });
  const { result } = await runExport(server, scratch, options);
  expect(result?.failed[0]?.keptForNextRun).toEqual(['web-disk-1.qcow2']);
  if (!untouched) await utimes(join(scratch.output, 'web-disk-1.qcow2.partial'), 1, 1);
  const second = await runExport(server, scratch, options);
  expect(second.result?.exported[0]?.keptDisks).toEqual(untouched ? ['web-disk-1.qcow2'] : []);
  expect(await scratch.files()).toEqual(filesOf('qcow2'));
});

for (const [what, replace, need] of FOREIGN_LEFTOVERS) {
  testUnless(need, `an image of an earlier run that ${what} is fetched anew`, async () => {
    await using server = await startTestServer({ vms: [THREE_DISKS] });
    await using scratch = await ScratchFolder.make();
    const options = { format: 'raw', parallel: 1, retries: 0 } as const;
    server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'status', status: 503 });
    await runExport(server, scratch, options);
    await replace(join(scratch.output, 'web-disk-1.raw.partial'));
    const { result } = await runExport(server, scratch, options);
    expect(result?.exported[0]?.keptDisks).toEqual([]);
    expect(await scratch.files()).toEqual(filesOf('raw'));
  });
}
