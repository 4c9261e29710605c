import { CommandHelp, Help, type Command } from '@oclif/core';

/** `[=VALUE]` after the `=` or space that oclif puts before every value, and after the start of an underline. */
const IN_LABEL = /=((?:\p{Cc}\[\d+m)*)\[=/gu;
const IN_USAGE = / \[=/g;

/**
 * Prints `--shutdown[=TIME]` in the help: an optional value is joined with `=`. oclif does not support such flags and
 * has no setting for their format.
 */
class OptionalValueHelp extends CommandHelp {
  protected override defaultUsage(): string {
    return super.defaultUsage().replace(IN_USAGE, '[=');
  }

  protected override flagHelpLabel(...args: Parameters<CommandHelp['flagHelpLabel']>): string {
    return super.flagHelpLabel(...args).replace(IN_LABEL, '$1[=');
  }
}

class OwnHelp extends Help {
  protected override getCommandHelpClass(command: Command.Loadable): CommandHelp {
    return new OptionalValueHelp(command, this.config, this.opts);
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

/** Makes oclif's help print optional values in the form in which users type them. */
export function printOptionalValues(): void {
  OwnHelp.install();
}
