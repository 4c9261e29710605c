import { Args } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { BaseCommand } from '../cli/base-command.ts';
import type * as CancelJobs from '../operations/cancel/cancel-jobs.ts';
import type { CancelResult } from '../operations/cancel/types.ts';

/** `hyper2kvm cancel ID...` */
export class CancelCommand extends BaseCommand<CancelResult> {
  static override summary = 'Cancel running jobs and clean up on the server.';
  static override description =
    'Asks jobs of this host, detached or not, to stop, and waits until each has released its export lease, removed its snapshot and updated its record. Ctrl-C only stops waiting; the jobs still end.';

  static override examples = [
    {
      description: 'Cancel the job whose ID export --detach printed (a unique prefix of the ID is enough)',
      command: '<%= config.bin %> cancel 20261122T140102Z-export-1a2b3c4d',
    },
  ];

  static override args = {
    id: Args.string({ multiple: true, required: true, ignoreStdin: true, description: 'IDs of the jobs to cancel.' }),
  };

  protected operation(): Promise<typeof CancelJobs> {
    return import('../operations/cancel/cancel-jobs.ts');
  }

  protected override document({ cancelled, failed }: CancelResult): object {
    return { cancelled, failed };
  }

  async run(): Promise<CancelResult> {
    const { args, flags } = await this.parse(CancelCommand);
    this.quiet = flags.quiet;
    const { cancelJobs } = await this.operation();
    const failures: unknown[] = [];
    const result = await cancelJobs(
      { env: this.env, ids: args.id, failures },
      {
        signal: this.signal,
        report: ({ job, pid }) => {
          if (!this.quiet) this.say(`Job ${job}: process ${pid} was asked to stop and is cleaning up.`);
        },
      },
    );
    if (!this.quiet) this.print(result.cancelled.map((id) => `Cancelled ${id}.`));
    this.#judge(result, failures);
    return result;
  }

  #judge({ cancelled, failed }: CancelResult, failures: readonly unknown[]): void {
    if (failed.length === 0) return;
    if (failed.length === 1 && cancelled.length === 0) return this.failWith(failures[0]);
    const reasons = failed.map(({ error }) => error.message).join(' ');
    const sentence = `${failed.length} of ${failed.length + cancelled.length} jobs were not cancelled. ${reasons}`;
    this.failWith(new Hyper2kvmError('partial', sentence));
  }
}
