import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { testWithOracle } from '../../../oracles/oracle.ts';
import { runProgram } from '../../../oracles/run-program.ts';
import { mixedContent, writeRawFile } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';
import { memorySource } from './memory-source.ts';

const CONTENTS = [mixedContent((6 << 20) + 512, 'first'), mixedContent(2 << 20, 'second')];
const WEB = { name: 'web', disks: CONTENTS.map((content) => ({ content })) };

const CASES = [
  ['qcow2', {}],
  ['qcow2', { compression: 'fast' }],
  ['raw', {}],
  ['ovf', {}],
  ['vmdk', {}],
] as const;

for (const [format, options] of CASES) {
  const title = `a source that is read at any place is exported as ${format} ${JSON.stringify(options)}, byte for byte`;
  testWithOracle('qemu-img', title, async (oracles) => {
    await using server = await startTestServer({ vms: [WEB] });
    await using scratch = await ScratchFolder.make();
    const { factory, state } = memorySource(CONTENTS, 'random-access');
    state.failures = 1;
    const { result, error, events } = await runExport(server, scratch, { ...options, format, diskSource: factory });
    expect(error).toBeUndefined();
    expect(events.filter(({ type }) => type === 'disk-retry')).toHaveLength(1);
    expect(server.state().diskRequests).toEqual({});
    expect(server.state().leases).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(state).toMatchObject({ uses: 0, disks: 0 });
    const disks = result?.exported[0]?.disks ?? [];
    expect(disks).toHaveLength(CONTENTS.length);
    for (const [index, content] of CONTENTS.entries()) {
      const image = join(scratch.output, disks[index]?.file ?? '');
      const expected = join(scratch.path, 'expected.raw');
      await writeRawFile(content, expected);
      const imageFormat = format === 'ovf' ? 'vmdk' : format;
      const { stdout } = await runProgram(oracles['qemu-img'], [
        'compare',
        '-f',
        imageFormat,
        '-F',
        'raw',
        image,
        expected,
      ]);
      expect(stdout).toBe('Images are identical.\n');
      if (format === 'qcow2') await runProgram(oracles['qemu-img'], ['check', image]);
    }
  });
}

test('a source that is read at any place goes into an OVA, and holds nothing when the export is aborted', async () => {
  await using server = await startTestServer({ vms: [WEB] });
  await using scratch = await ScratchFolder.make();
  const { factory, state } = memorySource(CONTENTS, 'random-access');
  const { error } = await runExport(server, scratch, { format: 'ova', diskSource: factory });
  expect(error).toBeUndefined();
  expect(await scratch.files()).toEqual(['web.ova']);
  const ending = new AbortController();
  const reason = new Error('enough');
  const { thrown } = await runExport(server, scratch, {
    format: 'ova',
    force: true,
    diskSource: factory,
    signal: ending.signal,
    onEvent: ({ type }) => type === 'disk-progress' && ending.abort(reason),
  });
  expect(thrown).toBe(reason);
  expect(state).toMatchObject({ uses: 0, disks: 0 });
  expect(await scratch.files()).toEqual(['web.ova']);
});

test('a disk whose reads do not come back is tried again', async () => {
  await using server = await startTestServer({ vms: [WEB] });
  await using scratch = await ScratchFolder.make();
  const { factory, state } = memorySource(CONTENTS, 'random-access');
  state.silences = 1;
  const limits = { firstByteTimeoutMs: 1000, stallTimeoutMs: 1000 };
  const { error, events } = await runExport(server, scratch, { ...limits, format: 'raw', diskSource: factory });
  expect(error).toBeUndefined();
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'disk-retry',
      reason: expect.stringMatching(/^memory sent nothing for 1 seconds/),
    }),
  );
  expect(state).toMatchObject({ uses: 0, disks: 0 });
});
