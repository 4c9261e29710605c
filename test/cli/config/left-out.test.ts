import { expect, test } from '@jest/globals';
import { applySettings } from '../../../src/cli/config/apply-settings.ts';
import { takeLeftOut } from '../../../src/cli/config/left-out.ts';

const FLAGS = {
  snapshot: { type: 'boolean' },
  verify: { type: 'boolean', allowNo: true },
  output: { type: 'option' },
  cache: { type: 'boolean' },
  'no-cache': { type: 'boolean' },
  quiet: { type: 'boolean', helpGroup: 'GLOBAL' },
} as const;

test('a word that denies a flag is taken out, unless the flag knows it itself', () => {
  const words = ['web', '--no-snapshot', '--no-verify', '--no-output', '--no-cache', '--no-quiet', '--no-such'];
  const { argv, leftOut } = takeLeftOut([...words, '--', '--no-snapshot'], FLAGS);
  expect(argv).toEqual(['web', '--no-verify', '--no-cache', '--no-quiet', '--no-such', '--', '--no-snapshot']);
  expect([...leftOut]).toEqual(['snapshot', 'output']);
});

test('a setting fills what is not given or only a default', () => {
  const flags: Record<string, unknown> = { format: 'ova', retries: '5', verify: false, force: false };
  const metadata = { flags: { retries: { setFromDefault: true }, force: { setFromDefault: true } } };
  const settings = new Map<string, string | boolean | string[]>([
    ['format', 'raw'],
    ['retries', '0'],
    ['verify', true],
    ['force', true],
    ['network', ['a']],
    ['compress', true],
    ['define', false],
  ]);
  const applied = applySettings({ flags, metadata }, settings, {
    compress: { bare: 'fast', accepts: () => false },
    define: { bare: 'qemu:///system', accepts: () => false },
  });
  expect(applied).toEqual(['retries', 'force', 'network', 'compress']);
  expect(flags).toEqual({ format: 'ova', retries: '0', verify: false, force: true, network: ['a'], compress: 'fast' });
});
