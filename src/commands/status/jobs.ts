import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.ts';
import { readCount } from '../../cli/input/option-values.ts';
import { jobsReport } from '../../cli/report/jobs-report.ts';
import { jobReport } from '../../cli/report/status-report.ts';
import type { JobState, JobView } from '../../jobs/job-record.ts';
import type * as ShowJobs from '../../operations/status/show-jobs.ts';
import { jobsDocument } from '../documents/status-document.ts';
import { followToEnd, type FollowOperation } from './follow-to-end.ts';

const STATES = ['running', 'done', 'partial', 'failed', 'interrupted'] as const satisfies readonly JobState[];

/** `hyper2kvm jobs [show [JOB]]` */
export class JobsCommand extends BaseCommand<JobView[] | JobView> {
  static override summary = 'List jobs, show one of them, or follow one until it ends.';
  static override description =
    'Lists the exports and boot tests that ran or are running on this host, newest first. A job is named by its ID, by the short ID that the list shows, by the beginning of either, or by "last" for the newest one.';

  static override examples = [
    { description: 'List the newest jobs', command: '<%= config.bin %> jobs' },
    { description: 'List what did not succeed', command: '<%= config.bin %> jobs --state failed --state partial' },
    { description: 'Show the newest job in full', command: '<%= config.bin %> jobs show last' },
    { description: 'Follow the running job, and exit with its exit code', command: '<%= config.bin %> jobs --follow' },
    { description: 'Follow one job', command: '<%= config.bin %> jobs show 1a2b3c4d --follow' },
  ];

  static override args = {
    action: Args.string({
      ignoreStdin: true,
      options: ['show'],
      description: '"show" prints the record of one job.',
    }),
    job: Args.string({
      ignoreStdin: true,
      description: 'ID of the job to show, its short ID, or "last", which is the default.',
    }),
  };

  static override flags = {
    follow: Flags.boolean({
      default: false,
      description:
        'Follow a job until it ends, and exit with its exit code. Without "show ID" this is the newest running job, or the newest job if none is running. Ctrl-C only stops following; the job continues.',
    }),
    state: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      options: [...STATES],
      description: 'List only jobs in this state. Can be repeated.',
    }),
    limit: Flags.string({
      char: 'n',
      helpValue: 'N',
      default: '20',
      description: 'Number of jobs to list, 1 to 1000.',
    }),
  };

  protected operation(): Promise<Pick<typeof ShowJobs, 'showJob' | 'showJobs' | 'jobToFollow'>> {
    return import('../../operations/status/show-jobs.ts');
  }

  protected followOperation(): Promise<FollowOperation> {
    return Promise.all([
      import('../../operations/status/follow-job.ts'),
      import('../../operations/status/job-outcome.ts'),
    ]);
  }

  protected override document(result: JobView[] | JobView): object {
    return jobsDocument(result);
  }

  async run(): Promise<JobView[] | JobView> {
    const { args, flags } = await this.parse(JobsCommand);
    this.quiet = flags.quiet;
    const { showJob, showJobs, jobToFollow } = await this.operation();
    if (flags.follow) return this.#follow(args.action === 'show' ? (args.job ?? 'last') : await jobToFollow(this.env));
    if (args.action === 'show') {
      const job = await showJob(this.env, args.job ?? 'last');
      this.print(jobReport(job));
      return job;
    }
    const limit = readCount('--limit', flags.limit, 1, 1000);
    const states = STATES.filter((state) => flags.state?.includes(state));
    const jobs = await showJobs(this.env, states.length === 0 ? {} : { states });
    this.print(jobsReport(jobs, { limit, ...this.look(), now: new Date() }));
    return jobs.slice(0, limit);
  }

  async #follow(id: string): Promise<JobView> {
    return followToEnd(id, {
      operation: this.followOperation(),
      env: this.env,
      signal: this.signal,
      quiet: this.quiet,
      print: (text) => this.print(text),
      failWith: (error) => this.failWith(error),
    });
  }
}
