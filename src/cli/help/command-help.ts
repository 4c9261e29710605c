import { CommandHelp, Help, type Command } from '@oclif/core';
import { everydayFlags } from './everyday-flags.ts';

/** `[=VALUE]` after the `=` that oclif puts before every value, and after the start of an underline. */
const IN_LABEL = /=((?:\p{Cc}\[\d+m)*)\[=/gu;

/** Number of examples in the short help. */
const MOST_EXAMPLES = 3;

/** Where `--help-all` was given. */
let isFullHelp = false;

type Flags = Parameters<CommandHelp['flags']>[0];

/**
 * The help of a command: usage and examples first, then the flags. Prints `--shutdown[=TIME]`: an optional value is
 * joined with `=`. oclif does not support such flags and has no setting for their format.
 */
class OwnCommandHelp extends CommandHelp {
  protected override usage(): string {
    const args = Object.values(this.command.args)
      .filter(({ hidden }) => hidden !== true)
      .map((arg) => this.arg(arg) + (arg.multiple === true ? '...' : ''));
    return this.wrap(`$ ${[this.config.bin, this.command.id, ...args, '[FLAGS]'].join(' ')}`);
  }

  protected override flagHelpLabel(...args: Parameters<CommandHelp['flagHelpLabel']>): string {
    return super.flagHelpLabel(...args).replace(IN_LABEL, '$1[=');
  }

  /** oclif sorts flags by letter and name; those of the short help have an order of their own. */
  protected override sections(): ReturnType<CommandHelp['sections']> {
    const order = ['USAGE', 'EXAMPLES', 'ARGUMENTS', 'FLAGS', 'DESCRIPTION'];
    const sections = super
      .sections()
      .filter(({ header }) => order.includes(header))
      .toSorted((a, b) => order.indexOf(a.header) - order.indexOf(b.header));
    if (isFullHelp) return sections;
    return sections.map((section) =>
      section.header === 'FLAGS'
        ? { header: 'FLAGS', generate: ({ flags }) => [{ header: 'FLAGS', body: this.flags(this.#everyday(flags)) }] }
        : section,
    );
  }

  protected override examples(examples: Parameters<CommandHelp['examples']>[0]): string | undefined {
    return super.examples(isFullHelp || !Array.isArray(examples) ? examples : examples.slice(0, MOST_EXAMPLES));
  }

  protected override description(): string | undefined {
    if (isFullHelp) return this.wrap(this.command.description ?? '');
    const all = `hyper2kvm ${this.command.id} --help-all`;
    return this.wrap(`${firstSentence(this.command.description ?? '')}\n\nAll flags: ${all}`);
  }

  #everyday(flags: Flags): Flags {
    return everydayFlags(this.command.id, flags).map((flag) => ({
      ...flag,
      description: firstSentence(flag.description ?? ''),
    }));
  }
}

class OwnHelp extends Help {
  protected override getCommandHelpClass(command: Command.Loadable): CommandHelp {
    return new OwnCommandHelp(command, this.config, this.opts);
  }

  /**
   * oclif loads a custom help class only by file name, which a single-file program does not have. This patches oclif's
   * own class instead.
   */
  static install(): void {
    const own = Object.getOwnPropertyDescriptor(OwnHelp.prototype, 'getCommandHelpClass');
    Object.defineProperty(Help.prototype, 'getCommandHelpClass', own ?? {});
  }
}

/** Makes oclif print the help of this program: the short one, or all of it. */
export function installHelp({ isFull }: { isFull: boolean }): void {
  isFullHelp = isFull;
  OwnHelp.install();
}

/** Replaces `--help-all` by `--help`. Arguments after `--` are not flags. */
export function takeHelpAll(argv: readonly string[]): { argv: string[]; isFull: boolean } {
  const end = argv.indexOf('--');
  const isAsked = (word: string, index: number): boolean => word === '--help-all' && (end === -1 || index < end);
  return { argv: argv.map((word, index) => (isAsked(word, index) ? '--help' : word)), isFull: argv.some(isAsked) };
}

/** The text up to the first period, colon or semicolon that ends a part of a sentence. */
function firstSentence(text: string): string {
  return text.replace(/[.:;]\s.*$/s, '.');
}
