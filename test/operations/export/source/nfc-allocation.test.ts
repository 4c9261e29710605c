import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sparseContent, writeRawFile } from '../../../server/content-source.ts';
import type { VmOptions } from '../../../server/options.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export-run.ts';

const MIB = 1 << 20;
const CONTENT = sparseContent(
  128 * MIB + 512,
  [
    { offsetBytes: MIB, lengthBytes: 3 * MIB, fill: 'random' },
    { offsetBytes: 100 * MIB, lengthBytes: 65_536, fill: 'random' },
  ],
  'sparse',
);

const DISK = { disks: [{ content: CONTENT }] };
const CASES: [string, Omit<VmOptions, 'name'>, { isTracked: boolean; mostBytes: number }][] = [
  ['changed block tracking', { changeTracking: { enabled: true } }, { isTracked: true, mostBytes: 16 * MIB }],
  [
    'the allocation map, because tracking answers with a fault',
    { changeTracking: { enabled: true, allocated: 'fault' } },
    { isTracked: true, mostBytes: 16 * MIB },
  ],
  ['the allocation map, because the disk is not tracked', {}, { isTracked: false, mostBytes: 16 * MIB }],
  [
    'nothing, because the file of the snapshot may have a parent',
    { powerState: 'poweredOn' },
    { isTracked: false, mostBytes: 500 * MIB },
  ],
  [
    'changed block tracking at the snapshot',
    { powerState: 'poweredOn', changeTracking: { enabled: true } },
    { isTracked: true, mostBytes: 16 * MIB },
  ],
];

test.each(CASES)('what is read of a disk is known from %s', async (_title, options, { isTracked, mostBytes }) => {
  await using server = await startTestServer({ nfc: {}, vms: [{ name: 'web', ...DISK, ...options }] });
  await using scratch = await ScratchFolder.make();
  const power = options.powerState === 'poweredOn' ? ({ kind: 'snapshot', quiesce: false } as const) : undefined;
  const choices = { format: 'raw', transport: 'nfc', retries: 0, ...(power && { power }) } as const;
  const { error, result } = await runExport(server, scratch, choices);
  expect(error).toBeUndefined();
  expect(result?.exported[0]?.transferredBytes).toBeLessThan(mostBytes);
  const { calls } = server.state();
  expect(calls.some(({ method }) => method === 'QueryChangedDiskAreas')).toBe(isTracked);
  expect(
    calls.filter(({ method, fault }) => method === 'QueryChangedDiskAreas' && fault === 'InvalidArgument'),
  ).toEqual([]);
  const expected = join(scratch.path, 'expected');
  await writeRawFile(CONTENT, expected);
  expect((await readFile(join(scratch.output, 'web-disk-1.raw'))).equals(await readFile(expected))).toBe(true);
});
