import type { ListedVm } from '../../operations/list/list-types.ts';
import { shellWord } from '../text/shell-word.ts';

/** What the user answered, in the form of the command line. */
export interface Answers {
  vms: readonly string[];
  flags: readonly string[];
}

/** The command line that needs no answers. `words` follow the name of the command, without passwords. */
export function equivalentCommand(program: string, words: readonly string[], { vms, flags }: Answers): string {
  return [program, ...[...vms, ...words, ...flags].map(quoted)].join(' ');
}

/** A flag keeps its dashes, and only its value is quoted. */
function quoted(word: string): string {
  const [, flag = '', value] = /^(--?[\w-]+)(?:=([^]*))?$/.exec(word) ?? [];
  if (flag === '') return shellWord(word);
  return value === undefined ? flag : `${flag}=${shellWord(value)}`;
}

/** A flag, a pattern, a path, a MoRef or a UUID. */
const OTHER_THAN_NAME = /^-|[*?[/]|^(vm-)?\d+$|^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$|^\s|\s$/i;

/**
 * The word that names a VM on a command line: its name if that is unique and has no other meaning there, otherwise its
 * inventory path, or its MoRef.
 */
export function wordFor(vm: ListedVm, inventory: readonly ListedVm[]): string {
  const isUnique = inventory.filter(({ name }) => name === vm.name).length === 1;
  if (isUnique && !OTHER_THAN_NAME.test(vm.name)) return vm.name;
  const isPlace = inventory.filter(({ inventoryPath }) => inventoryPath === vm.inventoryPath).length === 1;
  return isPlace && !/[*?[]|\s$/.test(vm.inventoryPath) ? vm.inventoryPath : vm.moRef;
}
