import { expect, test } from '@jest/globals';
import { forEachConcurrently } from '../../../src/base/concurrency.ts';
import { runNfcCase, type FuzzEnd } from './fuzz-nfc.ts';

/** 50,000 take about five minutes of processor time: NFC_FUZZ_CASES=50000. */
const CASES = Number(process.env['NFC_FUZZ_CASES'] ?? 10_000);
const MOST_BYTES = 256 * 1024 * 1024;

test(`${CASES} conversations with a host whose messages are changed: no crash, no hang, bounded memory, no wrong byte`, async () => {
  const counts: Record<FuzzEnd, number> = { content: 0, refused: 0 };
  let peakBytes = 0;
  const seeds = Array.from({ length: CASES }, (_, index) => 1000 + index);
  await forEachConcurrently(seeds, 40, new AbortController().signal, async (seed) => {
    counts[await runNfcCase(seed)] += 1;
    if (seed % 500 === 0)
      peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed);
  });
  process.stderr.write(
    `${JSON.stringify(counts)}, at most ${Math.round(peakBytes / 1024 ** 2)} MiB of buffers and heap\n`,
  );
  expect(counts.content).toBeGreaterThan(0);
  expect(counts.refused).toBeGreaterThan(0);
  expect(peakBytes).toBeLessThan(MOST_BYTES);
}, 3_600_000);
