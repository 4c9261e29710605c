import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Parser, type Command, type Interfaces } from '@oclif/core';
import { knownKeys } from '../../src/cli/config/known-keys.ts';
import { takeLeftOut } from '../../src/cli/config/left-out.ts';
import { readProfiles } from '../../src/cli/config/profile-document.ts';
import { COMMANDS } from '../../src/commands/index.ts';
import { KNOWN_COMMANDS } from '../cli/config/known-flags.ts';

/** The old names in docs/commands.md, which the tests below hold to what the commands accept. */
const TABLE = [
  ...readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8').matchAll(
    /^\| `([a-z-]+)` +\| `--([a-z-]+)` +\| `--([a-z-]+)` +\|$/gm,
  ),
].map(([, command = '', old = '', now = '']) => [command, old, now] as const);

function flagsOf(command: string): Interfaces.FlagInput {
  // The classes have flags of different types.
  const known = COMMANDS as unknown as Record<string, typeof Command>;
  return { ...known[command]?.baseFlags, ...known[command]?.flags };
}

test('the table in docs/commands.md has every old name', () => {
  const aliases = Object.keys(COMMANDS).flatMap((id) =>
    Object.entries(flagsOf(id)).flatMap(([name, { aliases: old = [] }]) => old.map((alias) => [id, alias, name])),
  );
  expect(aliases.length).toBeGreaterThan(1);
  expect(TABLE).toEqual(aliases);
});

test.each(TABLE)('%s --%s still works as --%s', async (command, old, now) => {
  const flags = flagsOf(command);
  const [asOld, asNew] = await Promise.all(
    [old, now].map((name) => Parser.parse([`--${name}=3`], { flags, args: {}, strict: true })),
  );
  expect(asOld?.flags).toEqual(asNew?.flags);
  expect(asOld?.flags[now]).toBe('3');
});

test.each(TABLE)('the setting %s: %s of a profile is %s', (command, old, now) => {
  const text = `profiles:\n  p:\n    ${command}:\n      ${old}: 3\n`;
  const [profile] = readProfiles(text, 'config.yaml', knownKeys(KNOWN_COMMANDS), '/home/joe');
  expect(profile?.commands.get(command)).toEqual(new Map([[now, '3']]));
  expect(takeLeftOut([`--no-${old}`], flagsOf(command))).toEqual({ argv: [], leftOut: new Set([now]) });
});
