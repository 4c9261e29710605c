import type { GuestRecipe } from '../recipe.ts';
import { biosBypath } from './bios-bypath.ts';
import { fit } from './fit.ts';

/** All guests, in the order of README.md. */
export const RECIPES: readonly GuestRecipe[] = [biosBypath, fit];
