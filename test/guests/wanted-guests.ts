import { recipeOf } from './guest-cache.ts';
import { RECIPES } from './recipes/index.ts';

const option = process.env['TEST_GUESTS'] ?? 'bios-bypath,fit';

/**
 * The guests that a test run boots: those in `TEST_GUESTS`, separated by commas, or `all`. By default, bios-bypath and
 * fit.
 */
export const WANTED_GUESTS: readonly string[] = (option === 'all' ? RECIPES : option.split(',').map(recipeOf)).map(
  ({ name }) => name,
);
