import type { Command } from '@oclif/core';
import { bashScript } from './bash-script.ts';
import { completedCommands } from './completion-model.ts';
import { fishScript } from './fish-script.ts';
import { zshScript } from './zsh-script.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const WRITERS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Generates the completion script of the program `bin` for a shell, from the commands in oclif's manifest. */
export function completionScript(shell: Shell, bin: string, commands: readonly Command.Cached[]): string {
  return WRITERS[shell](bin, completedCommands(commands));
}
