import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Config, settings, type Interfaces } from '@oclif/core';

const root = new URL('../../', import.meta.url);

export const manifestFile = fileURLToPath(new URL('oclif.manifest.json', root));

/** The manifest of the commands as the sources define them, as text in a stable order, whatever order the sources have. */
export async function manifestText(): Promise<string> {
  const manifest = await loadManifest();
  return `${JSON.stringify(sorted(manifest), null, 2)}\n`;
}

/** Loads the commands from `src` through oclif, past any manifest that is there. */
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
  // What JSON cannot hold, the function that loads a command, is left out when the manifest is written.
  return {
    version: plugin.version,
    commands: Object.fromEntries(plugin.commands.map((command) => [command.id, command])),
  };
}

/** Keys in alphabetical order, without what JSON cannot hold. Examples and options keep their order: they are arrays. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
