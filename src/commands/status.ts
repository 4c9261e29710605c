import { Flags } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { ConnectedCommand } from '../cli/connected-command.ts';
import { readCount } from '../cli/input/option-values.ts';
import { jobReport, statusReport } from '../cli/report/status-report.ts';
import type { JobView } from '../jobs/job-record.ts';
import type * as CheckStatus from '../operations/status/check-status.ts';
import type * as ShowJobs from '../operations/status/show-jobs.ts';
import type { StatusResult } from '../operations/status/types.ts';
import { statusDocument } from './documents/status-document.ts';
import { firstError } from './status/first-error.ts';
import { followToEnd, type FollowOperation } from './status/follow-to-end.ts';

/** `hyper2kvm status` */
export class StatusCommand extends ConnectedCommand<StatusResult | JobView> {
  static override summary = 'Check this host and a server, and show recent jobs: check and jobs in one.';
  static override description =
    'Checks this host (version, free space, tools). If a flag, a profile or the environment names a server, it also checks the certificate, the API, the login, and the privileges that an export needs. The exit code is that of the first error found. Nothing is changed.';

  static override examples = [
    { description: 'Check this host and show recent jobs', command: '<%= config.bin %> status' },
    {
      description: 'Also check a vCenter, including the privileges for a snapshot export',
      command: '<%= config.bin %> status --url https://vc.example.com --username backup --snapshot',
    },
    {
      description: 'Show one job in full (status and export print its ID)',
      command: '<%= config.bin %> status --job 20261122T140102Z-export-1a2b3c4d',
    },
    {
      description: 'Wait for a detached job to end',
      command: '<%= config.bin %> status --job 20261122T140102Z-export-1a2b3c4d --follow',
    },
  ];

  static override flags = {
    job: Flags.string({ helpValue: 'ID', description: 'Show the record of this job, and skip all other checks.' }),
    follow: Flags.boolean({
      default: false,
      description:
        'Follow the job given by --job until it ends, and exit with its exit code. Ctrl-C only stops following; the job continues.',
    }),
    jobs: Flags.string({ helpValue: 'N', default: '10', description: 'Number of recent jobs to show, 0 to 1000.' }),
    output: Flags.string({
      char: 'o',
      helpValue: 'DIR',
      default: '.',
      description: 'Folder to check for free space and write access, and whose replicas are listed.',
    }),
    snapshot: Flags.boolean({
      default: false,
      description: 'Also check the privileges that export --snapshot needs.',
    }),
  };

  protected operation(): Promise<typeof CheckStatus> {
    return import('../operations/status/check-status.ts');
  }

  protected jobOperation(): Promise<Pick<typeof ShowJobs, 'showJob'>> {
    return import('../operations/status/show-jobs.ts');
  }

  protected followOperation(): Promise<FollowOperation> {
    return Promise.all([import('../operations/status/follow-job.ts'), import('../operations/status/job-outcome.ts')]);
  }

  protected override document(result: StatusResult | JobView): object {
    return statusDocument(result);
  }

  async run(): Promise<StatusResult | JobView> {
    const { flags } = await this.parse(StatusCommand);
    this.quiet = flags.quiet;
    if (flags.follow) return this.#follow(flags.job);
    if (flags.job !== undefined) {
      const { showJob } = await this.jobOperation();
      const job = await showJob(this.env, flags.job);
      this.print(jobReport(job));
      return job;
    }
    const limit = readCount('--jobs', flags.jobs, 0, 1000);
    const connection = await this.connectionIfNamed(flags);
    const { checkStatus } = await this.operation();
    const status = await checkStatus(
      {
        version: this.config.version,
        profile: this.chosen.words,
        output: flags.output,
        snapshot: flags.snapshot,
        env: this.env,
        limit,
        ...(connection && { connection }),
      },
      { signal: this.signal },
    );
    this.print(statusReport(status, this.tableWidth(), this.look().paint));
    this.#judge(status);
    return status;
  }

  async #follow(id: string | undefined): Promise<JobView> {
    if (id === undefined) {
      const hint = 'Add --job ID. hyper2kvm status shows the IDs.';
      throw new Hyper2kvmError('usage', '--follow needs --job.', { hint });
    }
    return followToEnd(id, {
      operation: this.followOperation(),
      env: this.env,
      signal: this.signal,
      quiet: this.quiet,
      print: (text) => this.print(text),
      failWith: (error) => this.failWith(error),
    });
  }

  /** The table has already shown the problem, so this only sets the exit code. */
  #judge({ findings }: StatusResult): void {
    const error = firstError(findings);
    if (error !== undefined) this.failWith(error, { shown: true });
  }
}
