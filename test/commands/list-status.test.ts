import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../src/base/errors.ts';
import { ListCommand } from '../../src/commands/list.ts';
import { StatusCommand } from '../../src/commands/status.ts';
import type { ListedVm } from '../../src/operations/list/list-types.ts';
import type { StatusFinding } from '../../src/operations/status/types.ts';
import type { ConnectionSettings } from '../../src/vsphere/connection/connection-settings.ts';
import { CONNECTION, runCommand } from './run-command.ts';

const LISTED: ListedVm = {
  name: 'web-01',
  inventoryPath: '/DC0/vm/web-01',
  moRef: 'vm-42',
  powerState: 'poweredOn',
  template: false,
  guest: 'Debian',
  disks: [],
  instanceUuid: '',
  biosUuid: '',
  cpus: 2,
  memoryBytes: 1 << 30,
  unreadable: false,
  usedBytes: null,
  datastores: [],
  host: '',
  folder: '/DC0/vm',
  managedBy: '',
};

class TestedList extends ListCommand {
  protected override connection(): Promise<ConnectionSettings> {
    return Promise.resolve(CONNECTION);
  }
  protected override operation() {
    return Promise.resolve({
      listVms: ({ glob }: { glob: string | undefined }) =>
        Promise.resolve(glob === 'none' ? [] : [{ ...LISTED, name: glob ?? '*' }]),
    });
  }
}

/** Runs `status` with these findings, without a server. */
function statusWith(findings: StatusFinding[], env: NodeJS.ProcessEnv = {}) {
  const asked: unknown[] = [];
  class TestedStatus extends StatusCommand {
    protected override get env(): NodeJS.ProcessEnv {
      return env;
    }
    protected override connection(): Promise<ConnectionSettings> {
      return Promise.resolve(CONNECTION);
    }
    protected override operation() {
      return Promise.resolve({
        checkReadiness: () => Promise.reject(new Error('not asked')),
        checkStatus: (options: { version: string }) => {
          asked.push(options);
          return Promise.resolve({ version: options.version, findings, jobs: [], replicas: [] });
        },
      });
    }
    protected override jobOperation() {
      return Promise.resolve({
        showJob: (_env: NodeJS.ProcessEnv, id: string) =>
          Promise.reject(new Hyper2kvmError('not-found', `There is no job with the ID "${id}".`)),
      });
    }
  }
  return { run: (argv: string[]) => runCommand(TestedStatus, 'status', argv), asked };
}

test('list gives its glob to the operation and shows a table, or a document', async () => {
  expect((await runCommand(TestedList, 'list', ['web-*'])).stdout).toContain('/DC0/vm/web-01  on     Debian');
  const { stdout } = await runCommand(TestedList, 'list', ['web-*', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, exitCode: 0, result: [{ name: 'web-*' }], warnings: [] });
});

test('a list of nothing is an empty result and no error', async () => {
  const { stdout, exitCode } = await runCommand(TestedList, 'list', ['none', '--json']);
  expect(JSON.parse(stdout).result).toEqual([]);
  expect(exitCode).toBe(0);
});

test('an unexpected argument is not quoted: it may be a password', async () => {
  const { stderr, exitCode } = await runCommand(TestedList, 'list', ['a', 'geheim']);
  expect(stderr).toContain('Unexpected argument for');
  expect(stderr).not.toContain('geheim');
  expect(exitCode).toBe(2);
});

test('status looks at a server only when a flag or the environment names one', async () => {
  const without = statusWith([]);
  await without.run([]);
  expect(without.asked).toEqual([expect.not.objectContaining({ connection: expect.anything() })]);
  const named = statusWith([], { GOVC_URL: 'vc.example.com' });
  await named.run(['--snapshot', '--jobs=3']);
  expect(named.asked).toEqual([expect.objectContaining({ connection: CONNECTION, snapshot: true, limit: 3 })]);
});

test('the first error among the findings decides the exit code; warnings do not', async () => {
  const warning = { area: 'host', check: 'space', level: 'warning', detail: 'little' } as const;
  const trust = { area: 'server', check: 'certificate', level: 'error', detail: 'refused', kind: 'tls-trust' } as const;
  const login = { area: 'server', check: 'login', level: 'error', detail: 'refused', kind: 'authentication' } as const;
  expect((await statusWith([warning]).run([])).exitCode).toBe(0);
  const { exitCode, stdout } = await statusWith([warning, trust, login]).run(['--json']);
  expect(exitCode).toBe(15);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    exitCode: 15,
    error: { kind: 'tls-trust' },
    result: { findings: [{}, {}, {}] },
  });
});

test('a job that is not there is an error of the kind not-found', async () => {
  const { exitCode, stderr } = await statusWith([]).run(['--job', 'x']);
  expect(exitCode).toBe(11);
  expect(stderr).toBe('Error: There is no job with the ID "x".\n');
});

test('list filters, sorts and selects columns, and prints CSV unchanged', async () => {
  const csv = await runCommand(TestedList, 'list', ['--csv', '--columns', 'name,power', '--powered-on']);
  expect(csv).toMatchObject({ exitCode: 0, stdout: 'name,power\r\n*,on\r\n' });
  const formula = await runCommand(TestedList, 'list', ['=1+1', '--csv', '--columns', 'name']);
  expect(formula.stdout).toBe("name\r\n'=1+1\r\n");
  expect((await runCommand(TestedList, 'list', ['--powered-off', '--csv', '--columns=name'])).stdout).toBe('name\r\n');
  const unknown = await runCommand(TestedList, 'list', ['--columns', 'size']);
  expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/--columns must be one of path, name,/) });
  expect((await runCommand(TestedList, 'list', ['--sort', 'export'])).stderr).toContain('needs --check');
});
