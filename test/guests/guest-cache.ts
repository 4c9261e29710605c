import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Suite } from './apt-source.ts';
import { REPORT_FILES } from './report-files.ts';
import { RECIPES } from './recipes/index.ts';
import type { GuestRecipe } from './recipe.ts';

/** A guest that is built and up to date. */
export interface Guest {
  recipe: GuestRecipe;
  /** qcow2 images, with the system disk first. They are shared, so work on overlays or copies. */
  disks: readonly string[];
}

/** The content of `NAME.json`, next to the disks of a guest. */
export interface GuestRecord {
  hash: string;
  builtAt: string;
  seconds: number;
}

/** The folder for guests: `GUESTS_DIR`, or by default a cache next to the installed packages. */
export const GUESTS_FOLDER =
  process.env['GUESTS_DIR'] ?? fileURLToPath(new URL('../../node_modules/.cache/guests', import.meta.url));

const BASE_SOURCES = ['debian-base.ts', 'base-files.ts', 'apt-source.ts', 'chroot.ts'];
const GUEST_SOURCES = ['guest-tree.ts', 'guest-disk.ts'];

/** The Debian release from which a guest is built. */
export function suiteOf(recipe: GuestRecipe): Suite {
  return recipe.suite ?? 'bookworm';
}

/** A hash of everything from which the base is built. */
export function baseHash(suite: Suite): string {
  return hashOf([suite, ...BASE_SOURCES.map(sourceText)]);
}

/** A hash of the recipe and of everything else from which its guest is built. */
export function guestHash(recipe: GuestRecipe): string {
  const parts = [baseHash(suiteOf(recipe)), JSON.stringify(recipe), JSON.stringify(REPORT_FILES)];
  return hashOf([...parts, ...GUEST_SOURCES.map(sourceText)]);
}

export function basePath(suite: Suite): string {
  return join(GUESTS_FOLDER, `base-${suite}-${baseHash(suite)}.tar`);
}

export function guestPaths(recipe: GuestRecipe): Guest & { record: string } {
  const path = (end: string): string => join(GUESTS_FOLDER, `${recipe.name}${end}`);
  return {
    recipe,
    disks: recipe.disks.map((_disk, index) => path(index === 0 ? '.qcow2' : `-${index + 1}.qcow2`)),
    record: path('.json'),
  };
}

/** Finds a guest by name. Undefined if it was not built, or was built from an older recipe. */
export function findGuest(name: string): Guest | undefined {
  const recipe = recipeOf(name);
  const { record, ...guest } = guestPaths(recipe);
  if (!existsSync(record)) return undefined;
  const { hash } = JSON.parse(readFileSync(record, 'utf8')) as GuestRecord;
  return hash === guestHash(recipe) && guest.disks.every((disk) => existsSync(disk)) ? guest : undefined;
}

export function recipeOf(name: string): GuestRecipe {
  const recipe = RECIPES.find((each) => each.name === name);
  if (recipe === undefined)
    throw new Error(`no guest is called ${name}; there are ${RECIPES.map((each) => each.name).join(', ')}`);
  return recipe;
}

function sourceText(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
}
