// Writes docs/commands.md, docs/exit-codes.md and docs/schemas. With --check, writes nothing and fails if one of them is outdated.
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { commandsPage } from './commands-page.ts';
import { exitCodesPage } from './exit-codes-page.ts';
import { schemaPages } from './schema-pages.ts';
import { loadManifest } from './manifest.ts';

const pages = [
  { file: new URL('../../docs/commands.md', import.meta.url), text: await tidy(commandsPage(await loadManifest())) },
  { file: new URL('../../docs/exit-codes.md', import.meta.url), text: await tidy(exitCodesPage()) },
  ...(await schemaPages()),
];

for (const { file, text } of pages) {
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (read(file) !== text) {
    process.stderr.write(`${file.pathname} is stale: run npm run docs.\n`);
    process.exitCode = 1;
  }
}

function read(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Formats a text like `npm run format`. */
function tidy(text: string): Promise<string> {
  return format(text, { parser: 'markdown', printWidth: 120 });
}
