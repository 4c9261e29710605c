import { COMMAND_LOADERS } from './loaders.ts';

const classes = Object.entries(COMMAND_LOADERS).map(async ([id, load]) => [id, await load()] as const);

/** All commands, for oclif's explicit strategy, which generates the manifest from them. */
export const COMMANDS = Object.fromEntries(await Promise.all(classes));
