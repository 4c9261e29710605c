import { Hyper2kvmError } from '../../base/errors.ts';
import type { ConnectionFlagValues } from '../../cli/config/connection-flags.ts';
import { readGoFlags } from '../../cli/hyperctl/go-flags.ts';
import type { JobDefinition } from '../../cli/hyperctl/job-file.ts';
import type { HyperctlHost } from './hyperctl-host.ts';

const EMPTY: JobDefinition = {
  vm: undefined,
  output: undefined,
  format: undefined,
  compress: false,
  parallel: undefined,
  removeCdrom: false,
  url: undefined,
  username: undefined,
  password: undefined,
  insecure: false,
};

/** `hyperctl submit -vm PATH -output DIR [-file JOB]`: starts a detached export for each job and prints the job IDs. */
export async function submit(words: readonly string[], host: HyperctlHost): Promise<void> {
  const kinds = { vm: 'string', output: 'string', file: 'string' } as const;
  const flags = readGoFlags('hyperctl submit', words, kinds);
  const jobs = await readJobs(flags);
  if (jobs.some(({ removeCdrom }) => removeCdrom)) {
    host.say('Note: remove_cdrom changes nothing: images in CD-ROM drives are never exported.');
  }
  const failures: unknown[] = [];
  for (const job of jobs) {
    try {
      host.print([`  - Job ID: ${await start(job, host)}`]);
    } catch (error) {
      host.signal.throwIfAborted();
      failures.push(error);
    }
  }
  judge(jobs.length, failures, host);
}

async function readJobs(flags: { vm?: string; output?: string; file?: string }): Promise<JobDefinition[]> {
  if (!flags.vm && !flags.file) throw new Hyper2kvmError('usage', 'hyperctl submit needs -vm PATH or -file JOB.');
  if (!flags.file) return [withFlags(EMPTY, flags)];
  const { readJobFile } = await import('../../cli/hyperctl/job-file.ts');
  const jobs = await readJobFile(flags.file);
  if (jobs.length > 1 && (flags.vm || flags.output)) {
    throw new Hyper2kvmError('usage', `-vm and -output apply to one job, but ${flags.file} has ${jobs.length}.`);
  }
  const nameless = jobs.findIndex(({ vm }) => vm === undefined && !flags.vm);
  if (nameless !== -1) throw new Hyper2kvmError('usage', `${flags.file}: job ${nameless + 1} has no vm_path.`);
  return jobs.map((job) => withFlags(job, flags));
}

/** The command line takes precedence over the file. */
function withFlags(job: JobDefinition, { vm, output }: { vm?: string; output?: string }): JobDefinition {
  return { ...job, vm: vm || job.vm, output: output || job.output };
}

async function start(job: JobDefinition, host: HyperctlHost): Promise<string> {
  const { vm = '', url, username, insecure } = job;
  const given: Partial<ConnectionFlagValues> = {
    ...(url === undefined ? {} : { url }),
    ...(username === undefined ? {} : { username }),
    ...(insecure ? { insecure } : {}),
  };
  const connection = await host.connect(given, job.password);
  const { startDetached } = await import('../../operations/detach/start-detached.ts');
  const handed = { vms: [vm], password: await connection.password() };
  const options = { program: host.program, words: exportWords(job), handed, env: host.env, acceptsFailed: true };
  return (await startDetached(options, host.signal)).job;
}

/** The command line of the detached export. Its VM and the password are handed over separately. */
export function exportWords(job: JobDefinition): string[] {
  const { vm = '', output, format, compress, parallel, url, username, insecure } = job;
  const name = vm.slice(vm.lastIndexOf('/') + 1);
  const options = {
    output: output ?? `./export-${name}`,
    format,
    'parallel-disks': parallel,
    url: url && bare(url),
    username,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return [
    'export',
    '--detach',
    ...given.map(([flag, value]) => `--${flag}=${String(value)}`),
    ...(compress ? ['--compress'] : []),
    ...(insecure ? ['--insecure'] : []),
  ];
}

/** Removes the password from a URL: it is handed over separately and must not be in the arguments. */
function bare(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?([^/?#]*)@/i, (_all, scheme: string | undefined, account: string) => {
    const [user = ''] = account.split(':');
    return `${scheme ?? ''}${user}@`;
  });
}

function judge(count: number, failures: readonly unknown[], host: HyperctlHost): void {
  if (failures.length === 0) return host.print([`Accepted jobs: ${count}`]);
  if (count === 1) return host.failWith(failures[0]);
  const reasons = failures.map((error) => (error instanceof Error ? error.message : String(error)));
  const sentence = `${failures.length} of ${count} jobs were not started. ${reasons.join(' ')}`;
  host.failWith(new Hyper2kvmError('partial', sentence));
}
