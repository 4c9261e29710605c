import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = ['README.md', ...globSync('docs/*.md', { cwd: ROOT }).filter((page) => !page.endsWith('decisions.md'))];
const { commands } = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as {
  commands: Record<string, { flags: Record<string, { aliases?: string[]; char?: string; allowNo?: boolean }> }>;
};
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** The lines of the code blocks of a page that contain commands. */
function commandLines(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = Array.from(text.matchAll(/^```(?:sh|console|bash)\n([^]*?)^```$/gm), ([, block = '']) => block);
  return blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n')).map((line) => line.replace(/ # .*$/, ''));
}

test.each(PAGES)('%s shows only commands and flags that exist', (page) => {
  const unknown = commandLines(page).flatMap((line) =>
    Array.from(line.matchAll(/(?:^|[ /(])hyper2kvm ([a-z][\w-]*)([^|;&)]*)/g)).flatMap(([, name = '', rest = '']) => {
      const command = commands[name];
      if (command === undefined) return [`hyper2kvm ${name}`];
      const flags = new Set(
        Object.entries(command.flags).flatMap(([flag, { aliases = [] }]) => [flag, ...aliases, `no-${flag}`]),
      );
      return Array.from(rest.matchAll(/ --([a-z][\w-]*)/g), ([, flag = '']) => flag)
        .filter((flag) => !flags.has(flag) && !['help', 'help-all'].includes(flag))
        .map((flag) => `hyper2kvm ${name} --${flag}`);
    }),
  );
  expect(unknown).toEqual([]);
});

test('the pages show many commands, and npm scripts that exist', () => {
  const lines = PAGES.flatMap(commandLines);
  expect(lines.filter((line) => line.includes('hyper2kvm ')).length).toBeGreaterThan(40);
  const named = lines.flatMap((line) => Array.from(line.matchAll(/npm run ([\w:]+)/g), ([, name = '']) => name));
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test('the recording contains no script, and nothing from elsewhere', () => {
  const svg = readFileSync(join(ROOT, 'docs/recording.svg'), 'utf8');
  expect(svg).toMatch(/^<svg [^]*<title>[^]*prefers-reduced-motion[^]*<\/svg>\n$/);
  expect(svg).not.toMatch(/<script|href=|url\(|on\w+=/);
});
