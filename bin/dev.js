#!/usr/bin/env node
// Runs the sources without a build: Node 24 strips the types itself. The manifest has to be current for --help: npm run build.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const readJson = (name) => JSON.parse(readFileSync(`${root}/${name}`, 'utf8'));

if (process.features.typescript) {
  const { main } = await import('../src/cli/main.ts');
  const loaders = await import('../src/commands/loaders.ts');
  const files = { pjson: readJson('package.json'), manifest: readJson('oclif.manifest.json') };
  const bundle = { root, ...files, commands: loaders.COMMAND_LOADERS, quickAnswers: loaders.QUICK_ANSWERS };
  await main({ calledAs: process.argv[1] ?? '', argv: process.argv.slice(2), bundle });
} else {
  process.stderr.write(`bin/dev.js needs Node.js 24 or later, and this is ${process.version}.\n`);
  process.exitCode = 2;
}
