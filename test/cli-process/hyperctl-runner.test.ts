import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { runProgram } from '../oracles/run-program.ts';
import { randomContent } from '../server/content-source.ts';
import type { VmOptions } from '../server/options.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf, linkProgram } from './program.ts';

const DRIVER = fileURLToPath(new URL('../oracles/hyperctl_runner.py', import.meta.url));
/** So slow that the runner, which starts a process for every poll, sees the job running. */
const SLOW = { on: 'disk', action: 'drip', bytesPerSecond: 120_000, times: 100 } as const;
const LIMIT_MS = 300_000;

/** The runner's result for the output of a query. */
interface Query {
  job_id: string;
  output: string;
  status?: string;
  progress_percent?: number;
}
interface Ended {
  returned?: Query;
  raised?: string;
}
interface Followed {
  vm: string;
  job: string;
  progress: Query[];
  ended: Ended;
  query: Query;
}

const vmOf = (name: string, more: Partial<VmOptions> = {}): VmOptions => ({
  name,
  disks: [{ content: randomContent(2 << 20, name) }],
  ...more,
});

class Driver implements AsyncDisposable {
  readonly scratch: ScratchFolder;
  readonly link: string;
  readonly #python: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(python: string, scratch: ScratchFolder, link: string, env: NodeJS.ProcessEnv) {
    this.#python = python;
    this.scratch = scratch;
    this.link = link;
    this.#env = env;
  }

  static async make(python: string, server: TestServer): Promise<Driver> {
    const scratch = await ScratchFolder.make();
    const { link, env } = await linkProgram(
      scratch.path,
      'hyperctl',
      environmentOf(server, join(scratch.path, 'state')),
    );
    return new Driver(python, scratch, link, env);
  }

  /** Runs a scenario of the Python driver. `onJob` is called for each job when it is submitted. */
  async run<Result>(scenario: string, vms: readonly string[], onJob = (_job: string): void => {}): Promise<Result> {
    const args = [DRIVER, this.link, this.scratch.output, scenario, ...vms];
    const child = spawn(this.#python, args, { env: this.#env, cwd: this.scratch.path });
    let said = '';
    const heard = new Set<string>();
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      for (const [, job = ''] of said.matchAll(/\{"job": "([^"]+)"\}/g)) {
        if (!heard.has(job)) onJob(job);
        heard.add(job);
      }
    });
    const [stdout] = await Promise.all([text(child.stdout), once(child, 'close')]);
    if (child.exitCode !== 0) throw new Error(`The driver ended with ${child.exitCode}: ${said}`);
    return JSON.parse(stdout);
  }

  hyperctl(...args: string[]) {
    const env = Object.fromEntries(Object.entries(this.#env).map(([name, value]) => [name, value ?? '']));
    return runProgram(this.link, args, env);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scratch[Symbol.asyncDispose]();
  }
}

testWithOracle(
  'hyperctl-runner',
  "the PyPI package's runner finds hyperctl running and takes a complete export through it, with progress",
  async (paths) => {
    await using server = await startTestServer({ vms: [vmOf('completed-web')] });
    await using driver = await Driver.make(paths['hyperctl-runner'], server);
    // The runner polls every five seconds.
    server.faults.add(SLOW);
    const status = await driver.run<{ returned: { status: string; output: string } }>('status', []);
    expect(status.returned.status).toBe('running');
    expect(status.returned.output).toContain('✓ Job Statistics: 0 total, 0 completed, 0 failed');

    const { returned, progress } = await driver.run<Ended & { progress: Query[] }>('export', ['/DC0/vm/completed-web']);
    expect(returned).toMatchObject({ status: 'completed', progress_percent: 100 });
    expect(returned?.output).toContain('Status: completed');
    expect(progress.map((seen) => seen.status)).toContain('running');
    const percents = progress.map((seen) => seen.progress_percent ?? NaN);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(percents.every((percent) => percent >= 0 && percent < 100)).toBe(true);
    expect(await driver.scratch.files()).toEqual([
      'completed-web-disk-1.vmdk',
      'completed-web.mf',
      'completed-web.ovf',
    ]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
  LIMIT_MS,
);

testWithOracle(
  'hyperctl-runner',
  "the PyPI package's runner takes three exports through at once",
  async (paths) => {
    const names = ['one', 'two', 'three'];
    await using server = await startTestServer({ vms: names.map((name) => vmOf(name)) });
    await using driver = await Driver.make(paths['hyperctl-runner'], server);
    server.faults.add(SLOW);
    const vms = names.map((name) => `/DC0/vm/${name}`);
    const seen = await driver.run<Followed[]>('together', vms);
    expect(seen.map(({ ended }) => ended.returned?.status)).toEqual(['completed', 'completed', 'completed']);
    expect(new Set(seen.map(({ job }) => job)).size).toBe(3);
    for (const { progress } of seen) expect(progress.map(({ status }) => status)).toContain('running');
    const written = await Promise.all(names.map((name) => driver.hyperctl('query', '-id', jobOf(seen, name))));
    for (const [index, { stdout }] of written.entries()) {
      expect(stdout).toMatch(new RegExp(`^File: .*/${names[index]}/${names[index]}-disk-1\\.vmdk`, 'm'));
    }
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
  LIMIT_MS,
);

testWithOracle(
  'hyperctl-runner',
  "the PyPI package's runner sees an export that fails, whatever its VM is called",
  async (paths) => {
    // The error message contains the VM's name, which must not be taken for a different job state.
    await using server = await startTestServer({ vms: [vmOf('Completed-Cancelled', { powerState: 'poweredOn' })] });
    await using driver = await Driver.make(paths['hyperctl-runner'], server);
    const seen = await driver.run<Followed[]>('each', ['/DC0/vm/Completed-Cancelled', '/DC0/vm/not-there']);
    expect(seen.map(({ job, ended }) => ended.raised?.replace(job, 'X'))).toEqual(['Job X failed', 'Job X failed']);
    expect(seen.map(({ query }) => query.status)).toEqual(['failed', 'failed']);
    expect(seen[0]?.query.output).toMatch(/^Error: .*Complet·ed-Cancell·ed/m);
    expect(seen[1]?.query.output).toMatch(/^Error: .*not-there/m);
  },
  LIMIT_MS,
);

testWithOracle(
  'hyperctl-runner',
  "the PyPI package's runner sees an export that is cancelled, and nothing is left of it",
  async (paths) => {
    await using server = await startTestServer({
      vms: [vmOf('failed-web', { disks: [{ content: randomContent(32 << 20, 'x') }] })],
    });
    await using driver = await Driver.make(paths['hyperctl-runner'], server);
    server.faults.add(SLOW);
    const cancelled: Promise<unknown>[] = [];
    const [seen] = await driver.run<Followed[]>('each', ['/DC0/vm/failed-web'], (job) => {
      cancelled.push(driver.hyperctl('cancel', '-id', job));
    });
    expect(await Promise.all(cancelled)).toMatchObject([{ exitCode: 0, stdout: `✓ Cancelled job: ${seen?.job}\n` }]);
    expect(seen?.ended.raised).toBe(`Job ${seen?.job} was cancelled`);
    expect(seen?.query.status).toBe('cancelled');
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(await driver.scratch.files()).toEqual([]);
  },
  LIMIT_MS,
);

function jobOf(seen: readonly Followed[], name: string): string {
  return seen.find(({ vm }) => vm.endsWith(name))?.job ?? '';
}
