import { recipeOf } from './guest-cache.ts';
import { RECIPES } from './recipes/index.ts';

const option = process.env['TEST_GUESTS'] ?? 'bios-bypath,fit';

/** Guests that a run of the tests boots: those that `TEST_GUESTS` names with commas between them, or `all`; a pair without it. */
export const WANTED_GUESTS: readonly string[] = (option === 'all' ? RECIPES : option.split(',').map(recipeOf)).map(
  ({ name }) => name,
);
