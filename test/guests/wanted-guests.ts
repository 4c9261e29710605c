import { RECIPES } from './recipes/index.ts';

/** Guests that a run of the tests boots: a pair; all of them with `ALL_GUESTS=1`. */
export const WANTED_GUESTS: readonly string[] =
  process.env['ALL_GUESTS'] === '1' ? RECIPES.map((recipe) => recipe.name) : ['bios-bypath', 'fit'];
