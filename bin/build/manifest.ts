import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Config, settings, type Interfaces } from '@oclif/core';

const root = new URL('../../', import.meta.url);

export const manifestFile = fileURLToPath(new URL('oclif.manifest.json', root));

/** Returns the manifest of the commands in `src` as text. Its order does not depend on the order in the sources. */
export async function manifestText(): Promise<string> {
  const manifest = await loadManifest();
  return `${JSON.stringify(sorted(manifest), null, 2)}\n`;
}

/** Loads the commands from `src` through oclif and ignores an existing manifest. */
export async function loadManifest(): Promise<Interfaces.Manifest> {
  settings.enableAutoTranspile = false;
  const pjson = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  pjson.oclif.commands.target = './src/commands/index.ts';
  const config = await Config.load({
    root: fileURLToPath(root),
    pjson,
    ignoreManifest: true,
    errorOnManifestCreate: true,
  });
  const plugin = config.plugins.get(config.pjson.name);
  if (plugin === undefined) throw new Error('oclif has not loaded the commands.');
  // Omits the function that loads a command, because JSON cannot represent it.
  return {
    version: plugin.version,
    commands: Object.fromEntries(plugin.commands.map((command) => [command.id, command])),
  };
}

/** Sorts keys alphabetically and omits values that JSON cannot represent. Examples and options are arrays, so they keep their order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
