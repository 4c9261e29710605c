import { BASH_TEMPLATE } from './bash-template.ts';
import type { Candidates, CompletedCommand } from './completion-model.ts';

/**
 * Generates the completion script for bash 4.4 and later. It needs no other script: bash-completion finds it by its
 * file name, and `source` also works.
 * @param bin the program's name
 */
export function bashScript(bin: string, commands: readonly CompletedCommand[]): string {
  const ids = commands.map(({ id }) => id).join(' ');
  return BASH_TEMPLATE.replaceAll('@{', '${')
    .replaceAll('BIN', bin)
    .replaceAll('COMMANDS', ids)
    .replace('    FLAG_CASES\n', () => commands.map(flagCase).join(''))
    .replace('    VALUE_CASES\n', () => commands.flatMap(valueCases).join(''))
    .replace('    WORD_CASES\n', () => commands.flatMap(wordCases).join(''));
}

function flagCase({ id, flags }: CompletedCommand): string {
  const words = flags.flatMap(({ names, value }) => (value?.optional ? names.flatMap((n) => [n, `${n}=`]) : names));
  return `    ${id}) choices='${words.join(' ')}' ;;\n`;
}

function valueCases({ id, flags }: CompletedCommand): string[] {
  return flags.flatMap(({ names, value }) => {
    if (value === undefined) return [];
    const pattern = names.map((name) => `${id}:${name}`).join(' | ');
    return [`    ${pattern}) ${value.optional ? 'optional=1 ' : ''}${assignment(value.candidates)} ;;\n`];
  });
}

function wordCases({ id, words }: CompletedCommand): string[] {
  return words.map(
    ({ candidates, repeatable }, index) => `    ${id}:${repeatable ? '*' : index}) ${assignment(candidates)} ;;\n`,
  );
}

function assignment(candidates: Candidates): string {
  if (candidates.kind !== 'choices') return `kind=${candidates.kind}`;
  return `kind=choices choices='${candidates.words.join(' ')}'`;
}
