import type { Candidates, CompletedCommand, CompletedFlag } from './completion-model.ts';

/**
 * Generates the completion script for fish 3.1 and later, which finds it by its file name in `vendor_completions.d`.
 * @param bin the program's name
 */
export function fishScript(bin: string, commands: readonly CompletedCommand[]): string {
  const start = `complete -c ${bin} -n __${bin}_at_command`;
  return [
    FISH_TEMPLATE.replaceAll('BIN', bin),
    `complete -c ${bin} -f`,
    ...commands.map(({ id, summary }) => `${start} -a ${id} -d ${quoted(summary)}`),
    `${start} -a help -d 'Show help'`,
    `${start} -s h -l help -d 'Show help'`,
    `${start} -l version -d 'Show the version'`,
    `complete -c ${bin} -n '__${bin}_in_command help; and test (count (commandline -opc)) -eq 2' -a ${quoted(commands.map(({ id }) => id).join(' '))}`,
    ...commands.flatMap((command) => commandLines(bin, command)),
    '',
  ].join('\n');
}

function commandLines(bin: string, { id, flags, words }: CompletedCommand): string[] {
  const within = `complete -c ${bin} -n '__${bin}_in_command ${id}'`;
  return [
    ...flags.map((flag) => `${within} ${flagWords(bin, flag)}`),
    ...words.flatMap(({ candidates }) => {
      const wanted = argumentWords(bin, candidates);
      return wanted === '' ? [] : [`${within} ${wanted}`];
    }),
  ];
}

function flagWords(bin: string, { names, summary, value }: CompletedFlag): string {
  const forms = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const described = `${forms.join(' ')} -d ${quoted(summary)}`;
  if (value === undefined) return described;
  // -r: the flag takes a value, also as the next word. Without -r, only after =.
  return [described, value.optional ? '' : '-r', argumentWords(bin, value.candidates)].filter(Boolean).join(' ');
}

function argumentWords(bin: string, candidates: Candidates): string {
  switch (candidates.kind) {
    case 'choices':
      return `-f -a ${quoted(candidates.words.join(' '))}`;
    case 'files':
      return '-F';
    case 'folders':
      return `-f -a '(__fish_complete_directories)'`;
    case 'none':
      return '';
    case 'vms':
    case 'jobs':
    case 'running-jobs':
      return `-f -a '(__${bin}_known ${candidates.kind})'`;
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

const FISH_TEMPLATE = String.raw`# fish completion of BIN, generated from its commands; BIN completion fish prints it.

function __BIN_at_command
    test (count (commandline -opc)) -eq 1
end

function __BIN_in_command
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

# The names that are known without asking a server: that of --url, else that of the environment.
function __BIN_known
    set -l words (commandline -opc)
    set -l place (contains -i -- --url $words)
    set -l joined (string replace -f -r '^--url=' '' -- $words)
    set -lx HYPER2KVM_URL $HYPER2KVM_URL
    if test -n "$place"; and test $place -lt (count $words)
        set HYPER2KVM_URL $words[(math $place + 1)]
    else if test -n "$joined"
        set HYPER2KVM_URL $joined[-1]
    end
    $words[1] __complete $argv[1] (commandline -ct) </dev/null 2>/dev/null
end
`;
