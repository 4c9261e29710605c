import { COMMAND_LOADERS } from './loaders.ts';

const classes = Object.entries(COMMAND_LOADERS).map(async ([id, load]) => [id, await load()] as const);

/** All commands at once, for oclif's explicit strategy, which makes the manifest of them. */
export const COMMANDS = Object.fromEntries(await Promise.all(classes));
