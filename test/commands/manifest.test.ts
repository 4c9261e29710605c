import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { COMMANDS } from '../../src/commands/index.ts';

// Jest loads modules in a separate context, in which oclif cannot import the commands. The tools therefore run as processes.
const TOOLS = fileURLToPath(new URL('../../bin/build/', import.meta.url));
const PROGRAM = `import { manifestText } from ${JSON.stringify(`${TOOLS}manifest.ts`)}; process.stdout.write(await manifestText());`;

test('oclif.manifest.json is what the commands say', () => {
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { encoding: 'utf8' });
  expect(readFileSync(new URL('../../oclif.manifest.json', import.meta.url), 'utf8')).toBe(text);
});

test('docs/commands.md and docs/exit-codes.md are current', () => {
  execFileSync(process.execPath, [`${TOOLS}generate-docs.ts`, '--check']);
});

test.each(Object.entries(COMMANDS))('%s has a summary, a description and examples that name it', (id, command) => {
  expect(command.summary).toMatch(/\.$/);
  // Help does not wrap the summary.
  expect(command.summary.length).toBeLessThanOrEqual(80);
  expect(command.description).toMatch(/\.$/);
  expect(command.examples.length).toBeGreaterThan(0);
  for (const { description, command: line } of command.examples) {
    expect(description).not.toBe('');
    expect(line.startsWith(`<%= config.bin %> ${id}`)).toBe(true);
  }
});

test.each(Object.entries(COMMANDS))(
  'every flag and argument of %s is explained, and its examples use no other',
  (_id, command) => {
    const flags = { ...command.baseFlags, ...('flags' in command ? command.flags : {}) };
    for (const { description } of Object.values(flags)) expect(description).toMatch(/\.$/);
    for (const { description } of Object.values('args' in command ? command.args : {}))
      expect(description).toMatch(/\.$/);
    const used = command.examples.flatMap(({ command: line }) =>
      [...line.matchAll(/ --([a-z-]+)/g)].map(([, name]) => name),
    );
    for (const name of used) expect(Object.keys(flags)).toContain(name);
  },
);

test('no flag takes a password', () => {
  for (const { baseFlags } of Object.values(COMMANDS)) expect(Object.keys(baseFlags)).not.toContain('password');
});
