import type { Candidates, CompletedCommand, CompletedFlag } from './completion-model.ts';

/**
 * Generates the completion script for zsh: for a file `_BIN` in a folder of `fpath`, or for `source` after `compinit`.
 * @param bin the program's name
 */
export function zshScript(bin: string, commands: readonly CompletedCommand[]): string {
  const described = commands.map(({ id, summary }) => `    ${quoted(`${escaped(id)}:${summary}`)}\n`);
  return ZSH_TEMPLATE.replaceAll('@{', '${')
    .replaceAll('BIN', bin)
    .replace('    COMMANDS\n', () => described.join(''))
    .replace('    COMMAND_CASES\n', () => commands.map((command) => commandCase(bin, command)).join(''));
}

function commandCase(bin: string, { id, flags, words }: CompletedCommand): string {
  const specs = [
    ...flags.map((flag) => flagSpec(bin, flag)),
    ...words.map(({ title, repeatable, candidates }, index) =>
      quoted(`${repeatable ? '*' : index + 1}:${title}:${action(bin, candidates)}`),
    ),
  ];
  return `    ${id})\n      _arguments -S -s : \\\n${specs.map((spec) => `        ${spec}`).join(' \\\n')}\n      ;;\n`;
}

/** The form documented in zshcompsys under `_arguments`: `--flag=[summary]:title:action`. */
function flagSpec(bin: string, { names, summary, repeatable, value }: CompletedFlag): string {
  const others = repeatable ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  const text = `[${summary.replace(/[[\]\\]/g, '\\$&')}]`;
  // `=-` requires the value in the same word; `::` makes it optional.
  const end =
    value === undefined ? '' : `:${value.optional ? ':' : ''}${escaped(value.title)}:${action(bin, value.candidates)}`;
  const forms = names.map((name) => {
    const joined = value === undefined ? '' : name.startsWith('--') ? (value.optional ? '=-' : '=') : '+';
    return quoted(`${others}${name}${joined}${text}${end}`);
  });
  return forms.join(' ');
}

const FILES = { files: '_files', folders: '_files -/', none: ' ' } as const;

function action(bin: string, candidates: Candidates): string {
  if (candidates.kind === 'choices') return `(${candidates.words.join(' ')})`;
  const { kind } = candidates;
  return kind === 'files' || kind === 'folders' || kind === 'none' ? FILES[kind] : `_${bin}_known ${kind}`;
}

function escaped(text: string): string {
  return text.replace(/[\\:]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const ZSH_TEMPLATE = String.raw`#compdef BIN
# zsh completion of BIN, generated from its commands; BIN completion zsh prints it.

# The names that are known without asking a server: that of --url, else that of the environment.
_BIN_known() {
  # The kind is the last argument, after what _arguments adds for compadd.
  local kind=$argv[-1] url=@{(Q)opt_args[--url]}
  local -a names
  names=("@{(@f)$(
    [[ -n $url ]] && export HYPER2KVM_URL=$url
    "$_BIN_program" __complete $kind "@{(Q)PREFIX}" </dev/null 2>/dev/null
  )}")
  names=(@{names:#})
  compadd "@{@[1,-2]}" -a names
}

_BIN_commands() {
  local -a commands=(
    COMMANDS
  )
  _describe command commands
}

_BIN() {
  local _BIN_program=@{(Q)words[1]/#\~\//$HOME/} command
  local context state line
  local -A opt_args
  if ((CURRENT == 2)); then
    _BIN_commands
    compadd -- help
    [[ $PREFIX == -* ]] && compadd -- --help --version
    return
  fi
  command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
    help) ((CURRENT == 2)) && _BIN_commands ;;
    COMMAND_CASES
  esac
}

if [[ $funcstack[1] == _BIN ]]; then
  _BIN "$@"
else
  compdef _BIN BIN
fi
`;
