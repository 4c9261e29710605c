import { expect, test } from '@jest/globals';
import { randomContent } from '../../server/content-source.ts';
import { startTestServer } from '../../server/test-server.ts';
import { runExport, ScratchFolder } from './export-run.ts';

const MiB = 1 << 20;

test('--limit-rate holds over all disks together, within a quarter', async () => {
  const contents = [randomContent(2 * MiB, 'a'), randomContent(2 * MiB, 'b')];
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: contents.map((content) => ({ content })) }],
  });
  await using scratch = await ScratchFolder.make();
  const times = { first: Infinity, last: 0 };
  const { result } = await runExport(server, scratch, {
    parallel: 2,
    limitRateBytes: MiB,
    onEvent: ({ type }) => {
      if (type === 'disk-started') times.first = Math.min(times.first, performance.now());
      if (type === 'disk-whole') times.last = performance.now();
    },
  });
  const transferredBytes = result?.exported[0]?.transferredBytes ?? 0;
  expect(transferredBytes).toBeGreaterThan(4 * MiB);
  const rate = transferredBytes / ((times.last - times.first) / 1000);
  expect(rate).toBeGreaterThan(0.75 * MiB);
  expect(rate).toBeLessThan(1.25 * MiB);
});
