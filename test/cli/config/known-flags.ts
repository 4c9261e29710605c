import type { Command } from '@oclif/core';
import { COMMANDS } from '../../../src/commands/index.ts';

/** The commands as oclif's manifest tells them: the commands' own flags with those that they share. */
export const KNOWN_COMMANDS = Object.entries(COMMANDS).map(([id, command]) => {
  const flags = { ...command.baseFlags, ...('flags' in command ? command.flags : {}) };
  return { id, flags } as Pick<Command.Loadable, 'id' | 'flags'>;
});
