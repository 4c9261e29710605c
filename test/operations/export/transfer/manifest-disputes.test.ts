import { expect, test } from '@jest/globals';
import { type TestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';
import { serve } from './served-web.ts';

test.concurrent.each([
  ['wrong-hash', 'ovf', undefined],
  ['wrong-size', 'ova', undefined],
  ['wrong-hash', 'qcow2', 'fast'],
] as const)(
  'a disk that arrives twice alike is accepted with a warning against a manifest with a %s (%s)',
  async (action, format, compression) => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'manifest', action, target: 'disk-1.vmdk', times: 100 });
    const { error, result } = await runExport(server, scratch, { format, compression, retries: 5 });
    expect(error).toBeUndefined();
    expect(result?.state).toBe('done');
    expect(result?.exported[0]?.warnings).toEqual([
      expect.stringMatching(
        /^web-disk-2\.\w+ does not match the manifest of the server: .* web-disk-2\.\w+ is accepted\.$/,
      ),
    ]);
    expect(server.state().diskRequests['disk-1.vmdk']).toBe(2);
  },
);

/** Makes the manifest omit the disk while files are being downloaded. When all files of the lease are read, it contains a wrong entry. */
function addLateMismatch(server: TestServer, action: 'wrong-hash' | 'wrong-size'): void {
  server.faults.add({ on: 'manifest', action: 'no-entry', target: 'disk-1.vmdk', times: 3 });
  server.faults.add({ on: 'manifest', action, target: 'disk-1.vmdk', times: 100 });
}

test.concurrent.each([
  ['wrong-hash', 'ovf', undefined],
  ['wrong-size', 'ova', undefined],
  ['wrong-hash', 'qcow2', undefined],
  ['wrong-size', 'qcow2', 'fast'],
] as const)(
  'a disk is fetched twice, and accepted with a warning, when a %s comes with the end of the lease (%s, compression %s)',
  async (action, format, compression) => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    addLateMismatch(server, action);
    const { error, result } = await runExport(server, scratch, { format, compression, retries: 5, parallel: 1 });
    expect(error).toBeUndefined();
    expect(result?.state).toBe('done');
    expect(result?.exported[0]?.warnings).toEqual([
      expect.stringMatching(
        /^web-disk-2\.\w+ does not match the manifest of the server: .* web-disk-2\.\w+ is accepted\.$/,
      ),
    ]);
    expect(server.state().diskRequests).toMatchObject({ 'disk-0.vmdk': 1, 'disk-1.vmdk': 2, 'disk-2.vmdk': 1 });
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

test.concurrent.each([
  [
    'arrives otherwise the second time',
    5,
    /^web-disk-2\.vmdk arrived with different content when it was downloaded again\.$/,
  ],
  [
    'may not be fetched again',
    0,
    /^web-disk-2\.vmdk could not be downloaded in the only attempt: .* does not match the manifest of the server/,
  ],
])('a disk that the last manifest disagrees with and that %s is left to no later run', async (_, retries, message) => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  addLateMismatch(server, 'wrong-hash');
  server.faults.add({ on: 'disk', action: 'flip-bit', atByte: 500_000, target: 'disk-1.vmdk', skip: 1 });
  const { error } = await runExport(server, scratch, { retries, parallel: 1 });
  expect(error).toMatchObject({ kind: 'transfer', message: expect.stringMatching(message) });
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  const before = server.state().diskRequests['disk-1.vmdk'] ?? 0;
  server.faults.clear();
  const again = await runExport(server, scratch, { parallel: 1 });
  expect(again.result?.exported[0]).toMatchObject({
    keptDisks: expect.arrayContaining(['web-disk-1.vmdk', 'web-disk-3.vmdk']),
    warnings: [],
  });
  expect(server.state().diskRequests).toMatchObject({ 'disk-0.vmdk': 1, 'disk-1.vmdk': before + 1, 'disk-2.vmdk': 1 });
});

test.concurrent('a disk that arrives differently each time is not accepted against its manifest', async () => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'manifest', action: 'wrong-hash', target: 'disk-1.vmdk', times: 100 });
  for (const atByte of [500_000, 600_000, 700_000])
    server.faults.add({ on: 'disk', action: 'flip-bit', atByte, target: 'disk-1.vmdk' });
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({
    kind: 'transfer',
    message: expect.stringMatching(/does not match the manifest of the server/),
  });
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});
