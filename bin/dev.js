#!/usr/bin/env node
// Runs the sources without a build: Node 24 strips the types itself. The manifest is left out, since it may be stale.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

if (process.features.typescript) {
  const { main } = await import('../src/cli/main.ts');
  const root = fileURLToPath(new URL('..', import.meta.url));
  const pjson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  pjson.oclif.commands.target = './src/commands/index.ts';
  await main({ argv: process.argv.slice(2), loadOptions: { root, pjson, ignoreManifest: true } });
} else {
  process.stderr.write(`bin/dev.js needs Node.js 24 or later, and this is ${process.version}.\n`);
  process.exitCode = 2;
}
