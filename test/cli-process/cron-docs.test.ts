import { expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  EXPORT_PRIVILEGES,
  RESTART_PRIVILEGES,
  SHUTDOWN_PRIVILEGES,
  SNAPSHOT_PRIVILEGES,
} from '../../src/vsphere/inventory/privileges.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { runProgram } from '../oracles/run-program.ts';
import { startVcsim } from '../operations/export/vcsim-server.ts';
import { randomContent } from '../server/content-source.ts';
import { CronHost, cronDoc } from './cron-host.ts';

const LIMIT_MS = 240_000;
const VM = { name: 'web', disks: [{ content: randomContent(1 << 20, 'web') }] };
const UNITS = ['hyper2kvm-nightly.service', 'hyper2kvm-nightly.timer'] as const;

test('the role in docs/cron.md has the privileges that are checked, and no others', async () => {
  const doc = await cronDoc();
  const rows = [...doc.matchAll(/^\| `(\w+(?:\.\w+)+)`/gm)].map(([, privilege]) => privilege);
  expect(rows).toEqual([...EXPORT_PRIVILEGES, ...SNAPSHOT_PRIVILEGES, ...SHUTDOWN_PRIVILEGES, ...RESTART_PRIVILEGES]);
  const [, created = ''] = /^govc role\.create hyper2kvm (.*)$/m.exec(doc) ?? [];
  expect(created.split(' ')).toEqual([...EXPORT_PRIVILEGES, ...SNAPSHOT_PRIVILEGES]);
});

testWithOracle(['govc', 'vcsim'], 'the role can be made and given as docs/cron.md says', async (oracles) => {
  await using vcsim = await startVcsim(oracles);
  const commands = [...(await cronDoc()).matchAll(/^govc (.*)$/gm)].map(([, words = '']) => words.split(' '));
  expect(commands).toHaveLength(2);
  for (const words of commands) await vcsim.govc(...words);
  const privileges = (await vcsim.govc('role.ls', 'hyper2kvm')).split('\n').filter((line) => line.includes('.'));
  expect(privileges.filter((line) => !line.startsWith('System.'))).toEqual(
    [...EXPORT_PRIVILEGES, ...SNAPSHOT_PRIVILEGES].toSorted((a, b) => (a < b ? -1 : 1)),
  );
  expect(await vcsim.govc('permissions.ls', '/DC0/vm')).toMatch(/hyper2kvm .*backup@vsphere\.local .*Yes/);
});

/** Writes the systemd units from docs/cron.md and returns the messages of `systemd-analyze verify`. */
async function verifyUnits(host: CronHost, systemdAnalyze: string, change = (unit: string): string => unit) {
  const paths: string[] = [];
  for (const unit of UNITS) {
    const path = join(host.scratch.path, unit);
    await writeFile(path, change(host.local(`/etc/systemd/system/${unit}`)));
    paths.push(path);
  }
  return runProgram(systemdAnalyze, ['verify', '--man=no', ...paths]);
}

testWithOracle('systemd-analyze', 'systemd finds nothing wrong with the service and its timer', async (oracles) => {
  const systemdAnalyze = oracles['systemd-analyze'];
  await using host = await CronHost.make(VM, { keep: 2 });
  expect(await verifyUnits(host, systemdAnalyze)).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  // Proves that the check works: an unknown directive and an invalid calendar are reported.
  const wrong = await verifyUnits(host, systemdAnalyze, (unit) =>
    unit.replace('KillMode=', 'KilMode=').replace('OnCalendar=*-*-*', 'OnCalendar=nightly'),
  );
  expect(wrong.stderr).toMatch(/Unknown key.*'KilMode'/);
  expect(wrong.stderr).toMatch(/Failed to parse calendar specification/);
});

test(
  'the command of the service exports with what systemd gives it',
  async () => {
    await using host = await CronHost.make(VM, { keep: 2 });
    const service = host.local('/etc/systemd/system/hyper2kvm-nightly.service');
    const [, command = ''] = /^ExecStart=(.*)$/m.exec(service) ?? [];
    const [, name = '', value = ''] = /^Environment=(\w+)=(.*)$/m.exec(service) ?? [];
    const credentials = join(host.scratch.path, 'credentials');
    const setUp = `mkdir ${credentials} && mv ${host.scratch.path}/etc/password ${credentials}/ && `;
    const env = { [name]: value, CREDENTIALS_DIRECTORY: credentials };
    expect(await host.start(setUp + command, env).over).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect((await host.listing()).generations).toHaveLength(1);
  },
  LIMIT_MS,
);

test.each([
  ['PowerOff', { restart: false }],
  ['PowerOn', { restart: true }],
])(
  'without Interact.%s a VM is not shut down',
  async (privilege, { restart }) => {
    await using host = await CronHost.make(
      { ...VM, powerState: 'poweredOn' },
      { keep: 2, missingPrivileges: [`VirtualMachine.Interact.${privilege}`] },
    );
    const config = `--config ${host.scratch.path}/etc/config.yaml --profile nightly`;
    const flags = `--no-snapshot --shutdown${restart ? ' --restart' : ''} --quiet`;
    const { exitCode, stderr } = await host.start(`${host.scratch.path}/bin/hyper2kvm export ${config} ${flags}`, {})
      .over;
    expect(exitCode).toBe(10);
    expect(stderr).toContain(`the account lacks VirtualMachine.Interact.${privilege} on the VM.`);
    expect(host.server.state().vms['web']?.powerState).toBe('poweredOn');
  },
  LIMIT_MS,
);
