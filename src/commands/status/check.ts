import { Flags } from '@oclif/core';
import { ConnectedCommand } from '../../cli/connected-command.ts';
import { checkReport } from '../../cli/report/check-report.ts';
import type * as CheckStatus from '../../operations/status/check-status.ts';
import type { CheckResult } from '../../operations/status/types.ts';
import { checkDocument } from '../documents/status-document.ts';
import { firstError } from './first-error.ts';

/** `hyper2kvm check` */
export class CheckCommand extends ConnectedCommand<CheckResult> {
  static override summary = 'Check whether this host and a server are ready, and what is missing.';
  static override description =
    'Checks this host: free space, tools, KVM, UEFI firmware. If a flag, a profile or the environment names a server, it also checks the certificate, the API, the login, the privileges that an export needs, and the clock. Each problem comes with its remedy. The exit code is that of the first error found; warnings and missing optional programs do not change it. Nothing is changed.';

  static override examples = [
    { description: 'Check this host', command: '<%= config.bin %> check' },
    {
      description: 'Also check a vCenter, including the privileges for a snapshot export',
      command: '<%= config.bin %> check --url https://vc.example.com --username backup --snapshot',
    },
    {
      description: 'Print only the problems, for a script',
      command: `<%= config.bin %> check --json | jq '.result.findings[] | select(.level != "ok")'`,
    },
  ];

  static override flags = {
    output: Flags.string({
      char: 'o',
      helpValue: 'DIR',
      default: '.',
      description: 'Folder to check for free space and write access.',
    }),
    snapshot: Flags.boolean({
      default: false,
      description: 'Also check the privileges that export --snapshot needs.',
    }),
  };

  protected operation(): Promise<Pick<typeof CheckStatus, 'checkReadiness'>> {
    return import('../../operations/status/check-status.ts');
  }

  protected override document(result: CheckResult): object {
    return checkDocument(result);
  }

  async run(): Promise<CheckResult> {
    const { flags } = await this.parse(CheckCommand);
    this.quiet = flags.quiet;
    const connection = await this.connectionIfNamed(flags);
    const { checkReadiness } = await this.operation();
    const result = await checkReadiness(
      {
        version: this.config.version,
        profile: this.chosen.words,
        output: flags.output,
        snapshot: flags.snapshot,
        env: this.env,
        ...(connection && { connection }),
      },
      { signal: this.signal },
    );
    this.print(checkReport(result, this.tableWidth(), this.look().paint));
    const error = firstError(result.findings);
    if (error !== undefined) this.failWith(error, { shown: true });
    return result;
  }
}
