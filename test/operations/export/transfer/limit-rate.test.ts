import { expect, test } from '@jest/globals';
import { randomContent } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export-run.ts';

const MiB = 1 << 20;

test('--limit-rate holds over all disks together, within a quarter', async () => {
  const contents = [randomContent(2 * MiB, 'a'), randomContent(2 * MiB, 'b')];
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: contents.map((content) => ({ content })) }],
  });
  await using scratch = await ScratchFolder.make();
  const times = { first: Infinity, last: 0 };
  const received = new Map<string, number>();
  const seen: { atMs: number; bytes: number }[] = [];
  const { result } = await runExport(server, scratch, {
    parallel: 2,
    limitRateBytes: MiB,
    onEvent: (event) => {
      const atMs = performance.now();
      if (event.type === 'disk-started') times.first = Math.min(times.first, atMs);
      if (event.type === 'disk-complete') times.last = atMs;
      if (event.type !== 'disk-progress') return;
      received.set(event.disk, event.receivedBytes);
      seen.push({ atMs, bytes: [...received.values()].reduce((sum, bytes) => sum + bytes, 0) });
    },
  });
  const transferredBytes = result?.exported[0]?.transferredBytes ?? 0;
  expect(transferredBytes).toBeGreaterThan(4 * MiB);
  const rate = transferredBytes / ((times.last - times.first) / 1000);
  expect(rate).toBeLessThan(1.25 * MiB);
  // A busy machine delays some of the intervals, but not all of them.
  const rates = seen.map(({ atMs, bytes }, index) => {
    const end = seen.slice(index + 1).find((later) => later.bytes - bytes >= MiB);
    return end === undefined ? 0 : (end.bytes - bytes) / ((end.atMs - atMs) / 1000);
  });
  expect(Math.max(...rates)).toBeGreaterThan(0.75 * MiB);
});
