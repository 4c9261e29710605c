import { expect, test } from '@jest/globals';
import { runNfcCase } from './fuzz-nfc.ts';

test('300 conversations with a host whose messages are changed end with the right content or an error', async () => {
  const ends = await Promise.all(Array.from({ length: 300 }, (_, seed) => runNfcCase(seed)));
  expect(ends).toContain('refused');
  expect(ends).toContain('content');
}, 60_000);
