import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { Secret } from '../../../src/base/text/secret.ts';

test('a secret is in no message, no JSON and no inspection of what holds it', () => {
  const secret = new Secret('hunter2');
  const texts = [
    // The linter rejects this too.
    // oxlint-disable-next-line typescript/restrict-template-expressions
    `${secret}`,
    String(secret),
    [secret].join(),
    JSON.stringify({ secret }),
    inspect({ account: { secret } }, { depth: 9, showHidden: true }),
    'refused '.concat(String(secret)),
    Object.keys(secret).join(),
  ];
  for (const text of texts) expect(text).not.toContain('hunter2');
  expect(secret.reveal()).toBe('hunter2');
});
