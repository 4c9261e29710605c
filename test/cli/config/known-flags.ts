import type { Command } from '@oclif/core';
import { COMMANDS } from '../../../src/commands/index.ts';

/** The commands from oclif's manifest, with their own and their shared flags. */
export const KNOWN_COMMANDS = Object.entries(COMMANDS).map(([id, command]) => {
  const flags = { ...command.baseFlags, ...('flags' in command ? command.flags : {}) };
  return { id, flags } as Pick<Command.Loadable, 'id' | 'flags'>;
});
