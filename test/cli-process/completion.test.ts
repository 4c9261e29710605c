import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { SHELLS } from '../../src/cli/completion/completion-script.ts';
import { createJob } from '../../src/jobs/job-store.ts';
import { shellWord } from '../../src/cli/text/shell-word.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, PROGRAM, runProgram } from './program.ts';

const ASK = fileURLToPath(new URL('../oracles/shell_completion.py', import.meta.url));
const DB = `db "one" o'clock`;
const VMS = [{ name: DB }, { name: 'web-01' }, { name: 'box:7' }, { name: 'twin' }, { name: 'twin', folder: ['old'] }];

interface Completed {
  line: string;
  candidates: string[] | null;
}

/** Installs the program on a PATH under its name, and writes the output of `completion` to a file. */
async function install(scratch: ScratchFolder, shell: string, env: NodeJS.ProcessEnv) {
  const folder = join(scratch.path, 'bin');
  await mkdir(folder);
  const program = join(folder, 'hyper2kvm');
  await writeFile(program, `#!/bin/sh\nexec ${PROGRAM.map(shellWord).join(' ')} "$@"\n`);
  await chmod(program, 0o755);
  const script = join(scratch.path, `script.${shell}`);
  const printed = await runProgram(['completion', shell], { env, cwd: scratch.path });
  expect(printed).toMatchObject({ exitCode: 0, stderr: '' });
  await writeFile(script, printed.stdout);
  return { path: `${folder}:${env['PATH']}`, script };
}

/** The expected completion of each line when TAB is pressed, with `candidates` in alphabetical order. */
const COMPLETED: Record<string, Completed> = {
  'hyper2kvm ex': { line: 'hyper2kvm export ', candidates: ['export'] },
  'hyper2kvm help li': { line: 'hyper2kvm help list ', candidates: ['list'] },
  'hyper2kvm export --for': {
    line: 'hyper2kvm export --for',
    candidates: ['--force', '--force-power-off', '--format'],
  },
  'hyper2kvm export --format ': {
    line: 'hyper2kvm export --format ',
    candidates: ['ova', 'ovf', 'qcow2', 'raw', 'vmdk'],
  },
  'hyper2kvm convert a.vmdk --no-v': { line: 'hyper2kvm convert a.vmdk --no-verify ', candidates: ['--no-verify'] },
  'hyper2kvm export db': { line: `hyper2kvm export db\\ \\"one\\"\\ o\\'clock `, candidates: [DB] },
  // --compress accepts a value only after `=`, so that a VM can follow.
  'hyper2kvm export web-01 --compress b': { line: 'hyper2kvm export web-01 --compress box:7 ', candidates: ['box:7'] },
  'hyper2kvm export box:': { line: 'hyper2kvm export box:7 ', candidates: ['box:7'] },
  'hyper2kvm export /DC0/vm/old/': {
    line: 'hyper2kvm export /DC0/vm/old/twin ',
    candidates: ['/DC0/vm/old/twin'],
  },
};

/** Lines for which only the result is compared, because each shell shows the candidates in a different form. */
const LINES: Record<string, string> = {
  'hyper2kvm export --format=q': 'hyper2kvm export --format=qcow2 ',
  'hyper2kvm export --compress=c': 'hyper2kvm export --compress=careful ',
  'hyper2kvm export web-01 -o fol': 'hyper2kvm export web-01 -o folder/',
  'hyper2kvm convert fil': 'hyper2kvm convert file.vmdk ',
  'hyper2kvm export "db': `hyper2kvm export "db \\"one\\" o'clock" `,
  'hyper2kvm export --url https://other.example:444/sdk web-':
    'hyper2kvm export --url https://other.example:444/sdk web-',
  'hyper2kvm export --url=https://other.example:444/sdk web-':
    'hyper2kvm export --url=https://other.example:444/sdk web-',
};

for (const shell of SHELLS) {
  testWithOracle(
    [shell, 'python3'],
    `${shell} completes commands, flags, values, files, and VMs of the last inventory of the server`,
    async (paths) => {
      await using server = await startTestServer({ vms: VMS });
      await using scratch = await ScratchFolder.make();
      const env = environmentOf(server, join(scratch.path, 'state'));
      const { path, script } = await install(scratch, shell, env);
      await mkdir(join(scratch.path, 'folder'));
      await writeFile(join(scratch.path, 'file.vmdk'), '');
      expect(await runProgram(['list', 'web*'], { env, cwd: scratch.path })).toMatchObject({ exitCode: 0 });
      const calls = server.state().calls.length;
      const ask = async (line: string): Promise<Completed> => {
        const words = [ASK, paths[shell], script, scratch.path, line];
        const text = await outputOf(paths.python3, words, { ...(env as Record<string, string>), PATH: path });
        return JSON.parse(text) as Completed;
      };
      for (const [line, wanted] of Object.entries(COMPLETED)) {
        const { candidates, ...completed } = await ask(line);
        expect({ ...completed, candidates: candidates?.toSorted() }).toEqual(wanted);
      }
      for (const [line, wanted] of Object.entries(LINES)) expect((await ask(line)).line).toBe(wanted);
      expect(server.state().calls).toHaveLength(calls);
    },
    300_000,
  );
}

test('a job to cancel is one that runs', async () => {
  await using scratch = await ScratchFolder.make();
  const env = { XDG_STATE_HOME: scratch.path };
  const request = { server: 'vc.example:443', vms: ['web'], format: 'ovf', output: '/out' };
  const start = () => createJob({ kind: 'export', request, env, onProblem: () => undefined });
  const [running, ended] = [await start(), await start()];
  await ended.end('done');
  const ask = async (kind: string): Promise<string[]> => {
    const options = { env: environmentOf(undefined, scratch.path), cwd: scratch.path };
    return (await runProgram(['__complete', kind], options)).stdout.trim().split('\n').toSorted();
  };
  expect(await ask('running-jobs')).toEqual([running.id]);
  expect(await ask('jobs')).toEqual([running.id, ended.id].toSorted());
  const printed = await runProgram(['completion', 'bash'], {
    env: environmentOf(undefined, scratch.path),
    cwd: scratch.path,
  });
  expect(printed.stdout).toMatch(/cancel.*kind=running-jobs/);
});

testWithOracle([], 'the names for the completion are whole, for the user alone, and hold no secret', async () => {
  await using server = await startTestServer({ vms: VMS });
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, scratch.path);
  expect(await runProgram(['list', 'web*'], { env, cwd: scratch.path })).toMatchObject({ exitCode: 0 });
  const folder = join(scratch.path, 'hyper2kvm', 'vm-names');
  const [file = '', ...more] = await readdir(folder);
  expect(more).toEqual([]);
  expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, file), 'utf8')).not.toMatch(new RegExp(`${server.password}|${server.username}`));
  const asked = await runProgram(['__complete', 'vms'], { env, cwd: scratch.path });
  expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
  expect(asked.stdout.split('\n').toSorted()).toEqual(
    ['', '/DC0/vm/old/twin', '/DC0/vm/twin', DB, 'box:7', 'web-01'].toSorted(),
  );
});
