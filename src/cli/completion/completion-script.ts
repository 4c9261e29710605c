import type { Command } from '@oclif/core';
import { bashScript } from './bash-script.ts';
import { completedCommands } from './completion-model.ts';
import { fishScript } from './fish-script.ts';
import { zshScript } from './zsh-script.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const WRITERS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** The completion script of the program `bin` for a shell, made from the commands as oclif's manifest has them. */
export function completionScript(shell: Shell, bin: string, commands: readonly Command.Cached[]): string {
  return WRITERS[shell](bin, completedCommands(commands));
}
