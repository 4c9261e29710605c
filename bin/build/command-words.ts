import type { Command, Interfaces } from '@oclif/core';
import { isOptionalValue } from '../../src/cli/completion/completion-model.ts';

export type Flag = Command.Flag.Cached;

export const BIN = 'hyper2kvm';

/** Returns the commands that are not hidden, in alphabetical order. */
export function listedCommands(manifest: Interfaces.Manifest): Command.Cached[] {
  return Object.values(manifest.commands)
    .filter(({ hidden }) => !hidden)
    .toSorted((a, b) => a.id.localeCompare(b.id));
}

/** `hyper2kvm export [VM...] [FLAGS]` */
export function commandLine(command: Command.Cached): string {
  const words = Object.values(command.args).map((arg) => (arg.required ? argWord(arg) : `[${argWord(arg)}]`));
  return [BIN, command.id, ...words, '[FLAGS]'].join(' ');
}

export function argWord(arg: Command.Arg.Cached): string {
  return `${arg.name.toUpperCase()}${arg.multiple === true ? '...' : ''}`;
}

/** Returns the visible flags by group, the command's own flags first. */
export function flagGroups(command: Command.Cached): { heading: string; flags: Flag[] }[] {
  const shown = Object.values(command.flags).filter((flag) => flag.hidden !== true);
  const groups = [...Map.groupBy(shown, (flag) => flag.helpGroup ?? '')];
  return groups
    .toSorted(([a], [b]) => rank(a) - rank(b))
    .map(([group, flags]) => ({ heading: headingOf(group), flags }));
}

/** Returns the placeholder of a flag's value, or an empty string for a boolean flag. */
export function valueWord(flag: Flag): string {
  if (flag.type !== 'option') return '';
  if (flag.options !== undefined) return `=${flag.options.join('|')}`;
  const value = [flag.helpValue ?? 'VALUE'].flat().join(' ');
  return isOptionalValue(value) ? value : `=${value}`;
}

export function examplesOf(command: Command.Cached): { description: string; line: string }[] {
  return (command.examples ?? []).map((entry) => {
    const { description, command: line } = typeof entry === 'string' ? { description: '', command: entry } : entry;
    return { description, line: line.replaceAll('<%= config.bin %>', BIN) };
  });
}

function headingOf(group: string): string {
  if (group === '') return 'Flags';
  return `${group.charAt(0)}${group
    .slice(1)
    .toLowerCase()
    .replace(/\bvm\b/, 'VM')} flags`;
}

function rank(group: string): number {
  return ['', 'RUNNING VM', 'TRANSFER', 'LOG AND NOTICE', 'CONNECTION', 'GLOBAL'].indexOf(group);
}
