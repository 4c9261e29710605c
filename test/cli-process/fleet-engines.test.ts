import { expect, test } from '@jest/globals';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf, runProgram as runOracle } from '../oracles/run-program.ts';
import { randomContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf, PROGRAM, runProgram } from './program.ts';

const DOCS = fileURLToPath(new URL('../../docs/fleet', import.meta.url));
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Each test runs the program four times. */
const LIMIT_MS = 240_000;

interface Place {
  server: TestServer;
  scratch: ScratchFolder;
  /** The environment of the scripts: the program by name on the PATH, and all locations. */
  env: Record<string, string>;
}

async function withPlace(work: (place: Place) => Promise<void>): Promise<void> {
  const vms = NAMES.map((name) => ({
    name,
    powerState: 'poweredOn' as const,
    disks: [{ content: randomContent(1 << 17, name) }],
  }));
  await using server = await startTestServer({ vms });
  await using scratch = await ScratchFolder.make();
  const bin = join(scratch.path, 'bin');
  await mkdir(bin);
  const words = PROGRAM.map((word) => `'${word}'`).join(' ');
  await writeFile(join(bin, 'hyper2kvm'), `#!/bin/sh\nexec ${words} "$@"\n`);
  await chmod(join(bin, 'hyper2kvm'), 0o755);
  await writeFile(join(scratch.path, 'vms.txt'), `# all\n${NAMES.slice(0, 4).join('\n')}\n[e-z]\n*\n`);
  await writeFile(join(scratch.path, 'password'), server.password, { mode: 0o600 });
  const { HYPER2KVM_PASSWORD: _, ...settings } = environmentOf(server, join(scratch.path, 'state'));
  const env = {
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, value ?? ''])),
    PATH: `${bin}:${process.env['PATH']}`,
    VMS: 'vms.txt',
    OUTPUT: scratch.output,
    PASSWORD_FILE: join(scratch.path, 'password'),
  };
  await work({ server, scratch, env });
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  const downloads = server.state().downloads.map(({ vm }) => vm);
  expect(downloads.toSorted()).toEqual(NAMES);
  expect((await readdir(scratch.output)).toSorted()).toEqual(NAMES);
}

/** Runs one of the scripts in the folder. @throws with the script's output if it fails */
function runScript(name: string, { path }: ScratchFolder, env: Record<string, string>): Promise<string> {
  return outputOf('bash', ['-c', 'cd "$0" && exec bash "$1"', path, join(DOCS, name)], env);
}

/** The fields of the manifest that define how the program runs. */
interface Job {
  spec: {
    completions: number;
    template: { spec: { containers: [{ args: string[]; env: { name: string; value?: string }[] }] } };
  };
}

async function readJob(): Promise<Job> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return parse(await readFile(join(DOCS, 'kubernetes-job.yaml'), 'utf8')) as Job;
}

testWithOracle('kubernetes-validate', "the Indexed Job holds against Kubernetes' schema", async (paths) => {
  await using scratch = await ScratchFolder.make();
  const python = paths['kubernetes-validate'];
  const validate = async (file: string) => {
    const { exitCode, stdout, stderr } = await runOracle(python, ['-m', 'kubernetes_validate', '--strict', file]);
    return { exitCode, says: stdout + stderr };
  };
  const manifest = join(DOCS, 'kubernetes-job.yaml');
  expect(await validate(manifest)).toEqual({
    exitCode: 0,
    says: expect.stringContaining('passed for resource job/hyper2kvm-export'),
  });
  const wrong = join(scratch.path, 'wrong.yaml');
  await writeFile(wrong, (await readFile(manifest, 'utf8')).replace('completionMode:', 'completionMood:'));
  expect(await validate(wrong)).toEqual({ exitCode: 1, says: expect.stringContaining('completionMood') });
});

test(
  'its pods, with the arguments and the environment of the manifest, export every VM once',
  async () => {
    await withPlace(async ({ scratch, env }) => {
      const { completions, template } = (await readJob()).spec;
      const [{ args, env: settings }] = template.spec.containers;
      const count = settings.find(({ name }) => name === 'HYPER2KVM_SHARD_COUNT')?.value;
      expect(count).toBe(String(completions));
      const here = args.map((word) =>
        word.replace('/etc/hyper2kvm/vms.txt', 'vms.txt').replace('/srv/vms', scratch.output),
      );
      const password = await readFile(join(scratch.path, 'password'), 'utf8');
      for (let index = 0; index < completions; index += 1) {
        const pod = { JOB_COMPLETION_INDEX: String(index), HYPER2KVM_SHARD_COUNT: count, HYPER2KVM_PASSWORD: password };
        const run = await runProgram(here, { cwd: scratch.path, env: { ...env, ...pod } });
        expect(run).toMatchObject({ exitCode: 0 });
      }
    });
  },
  LIMIT_MS,
);

testWithOracle('shellcheck', 'shellcheck finds nothing in the scripts', async ({ shellcheck }) => {
  const scripts = (await readdir(DOCS)).filter((name) => name.endsWith('.sh'));
  expect(scripts).toHaveLength(2);
  const paths = scripts.map((name) => join(DOCS, name));
  expect(await runOracle(shellcheck, paths)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
});

test(
  'the tasks of the Slurm array, in the environment that Slurm gives them, export every VM once',
  async () => {
    await withPlace(async ({ scratch, env }) => {
      for (let index = 0; index < 4; index += 1) {
        const task = { SLURM_ARRAY_TASK_ID: String(index) };
        await runScript('slurm-array.sh', scratch, { ...env, ...task });
      }
    });
  },
  LIMIT_MS,
);

testWithOracle(
  'parallel',
  'GNU parallel runs the shares, and every VM is exported once',
  async () => {
    await withPlace(async ({ scratch, env }) => {
      await runScript('parallel.sh', scratch, env);
      const log = await readFile(join(scratch.path, 'hyper2kvm.joblog'), 'utf8');
      expect(log.trim().split('\n')).toHaveLength(1 + 4);
    });
  },
  LIMIT_MS,
);
