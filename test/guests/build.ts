import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Suite } from './apt-source.ts';
import { buildDebianBase } from './debian-base.ts';
import {
  basePath,
  findGuest,
  guestHash,
  guestPaths,
  GUESTS_FOLDER,
  recipeOf,
  suiteOf,
  type GuestRecord,
} from './guest-cache.ts';
import { buildGuestDisks } from './guest-disk.ts';
import { buildGuestTree } from './guest-tree.ts';
import type { GuestRecipe } from './recipe.ts';
import { RECIPES } from './recipes/index.ts';
import { StepRunner } from './run-step.ts';

/**
 * `npm run guests -- [NAME...]`: builds the guests that are missing or out of date. Without a name, it checks all
 * guests.
 * Needs root, debootstrap, guestfish and qemu-system-x86_64.
 */

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function ensureBase(suite: Suite): Promise<string> {
  const path = basePath(suite);
  if (existsSync(path)) return path;
  say(`base ${suite}: debootstrap`);
  await buildDebianBase(suite, path, new StepRunner(join(GUESTS_FOLDER, `base-${suite}.log`)));
  return path;
}

async function buildGuest(recipe: GuestRecipe, base: string): Promise<number> {
  const startedMs = performance.now();
  const final = guestPaths(recipe);
  const log = join(GUESTS_FOLDER, `${recipe.name}.log`);
  await rm(final.record, { force: true });
  await rm(log, { force: true });
  const steps = new StepRunner(log);
  const tree = await mkdtemp(join(GUESTS_FOLDER, `${recipe.name}-`));
  const partial = final.disks.map((disk) => `${disk}.partial`);
  try {
    await buildGuestTree(recipe, base, tree, steps);
    await buildGuestDisks(recipe, tree, partial, steps);
    for (const disk of final.disks) await rename(`${disk}.partial`, disk);
  } finally {
    for (const path of [tree, ...partial]) await rm(path, { force: true, recursive: true });
  }
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const record: GuestRecord = { hash: guestHash(recipe), builtAt: new Date().toISOString(), seconds };
  await writeFile(final.record, `${JSON.stringify(record, undefined, 2)}\n`);
  return seconds;
}

// The host's TMPDIR does not exist in the tree of a guest, but programs in the guest would use it.
delete process.env['TMPDIR'];
const wanted = process.argv.length > 2 ? process.argv.slice(2).map(recipeOf) : RECIPES;
await mkdir(GUESTS_FOLDER, { recursive: true });
for (const recipe of wanted) {
  if (findGuest(recipe.name) !== undefined) {
    say(`${recipe.name}: is current`);
    continue;
  }
  say(`${recipe.name}: builds`);
  const seconds = await buildGuest(recipe, await ensureBase(suiteOf(recipe)));
  say(`${recipe.name}: built in ${seconds} s`);
}
