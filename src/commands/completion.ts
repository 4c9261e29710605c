import { Args } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { completionScript, SHELLS, type Shell } from '../cli/completion/completion-script.ts';
import { readChoice } from '../cli/input/option-values.ts';

/** The `result` of `completion --json`. */
export interface CompletionResult {
  shell: Shell;
  script: string;
}

/** `hyper2kvm completion SHELL` */
export class CompletionCommand extends BaseCommand<CompletionResult> {
  static override summary = 'Print the completion script for bash, zsh or fish.';
  static override description =
    'Completes commands, flags and their values, files, job IDs, and the names of the VMs that the last list or export found on the server. Completion never contacts a server. The .deb and .rpm packages install the scripts.';

  static override examples = [
    {
      description: 'Install it for bash',
      command: '<%= config.bin %> completion bash > ~/.local/share/bash-completion/completions/hyper2kvm',
    },
    {
      description: 'Install it for zsh, in a folder of its fpath',
      command: '<%= config.bin %> completion zsh > ~/.zfunc/_hyper2kvm',
    },
    {
      description: 'Install it for fish',
      command: '<%= config.bin %> completion fish > ~/.config/fish/completions/hyper2kvm.fish',
    },
  ];

  static override args = {
    shell: Args.string({ required: true, ignoreStdin: true, options: SHELLS, description: 'bash, zsh or fish.' }),
  };

  protected override document({ shell, script }: CompletionResult): object {
    return { shell, script };
  }

  async run(): Promise<CompletionResult> {
    const { args } = await this.parse(CompletionCommand);
    const shell = readChoice('SHELL', args.shell, SHELLS);
    const script = completionScript(shell, this.config.bin, this.config.commands);
    // Written unchanged, even to a terminal: the usual output for users is wrapped.
    if (!this.jsonEnabled()) process.stdout.write(script);
    return { shell, script };
  }
}
