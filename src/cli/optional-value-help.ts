import { CommandHelp, Help, type Command } from '@oclif/core';

/** `[=VALUE]` after the `=` or the space that oclif puts before every value, and after the start of an underline. */
const IN_LABEL = /=((?:\p{Cc}\[\d+m)*)\[=/gu;
const IN_USAGE = / \[=/g;

/** Help with `--shutdown[=TIME]`: a value that can be left out is joined with `=`. oclif knows no such flags, and has no setting for how it prints them. */
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

  /** oclif takes a help class of the program's own by the name of a file only, which a program in one file does not have: its own one is changed. */
  static install(): void {
    const own = Object.getOwnPropertyDescriptor(OwnHelp.prototype, 'getCommandHelpClass');
    Object.defineProperty(Help.prototype, 'getCommandHelpClass', own ?? {});
  }
}

/** Makes oclif's help print values that can be left out as they are to be typed. */
export function printOptionalValues(): void {
  OwnHelp.install();
}
