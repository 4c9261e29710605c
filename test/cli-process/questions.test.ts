import { expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf } from './program.ts';
import { TmuxTerminal } from './tmux-terminal.ts';

const disks = [{ content: mixedContent(1 << 20, 'disk') }];

function serve(): Promise<TestServer> {
  return startTestServer({
    vms: [
      { name: 'web-01', disks, guestFullName: 'Debian GNU/Linux 12 (64-bit)' },
      { name: 'web-02', disks },
      { name: 'db-01', disks, powerState: 'poweredOn' },
    ],
  });
}

/** The environment of a user who has configured nothing but the certificate. */
function environment(server: TestServer, scratch: ScratchFolder, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const {
    HYPER2KVM_URL: _u,
    HYPER2KVM_USERNAME: _n,
    HYPER2KVM_PASSWORD: _p,
    ...env
  } = environmentOf(server, join(scratch.path, 'state'));
  return { ...env, LC_ALL: 'C.UTF-8', ...more };
}

function logins(server: TestServer): number {
  return server.state().calls.filter(({ method }) => method === 'Login').length;
}

testWithOracle(
  'tmux',
  'export asks for server, user, password, VMs and power, and shows the command that asks nothing',
  async ({ tmux }) => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    const options = { tmux, width: 80, env: environment(server, scratch), folder: scratch.path };
    using terminal = new TmuxTerminal(options, ['export', '--format', 'vmdk', '-o', 'out dir']);
    await terminal.until(/vCenter or ESXi host:/);
    terminal.press('http://x', 'Enter');
    await terminal.until(/only https is supported/);
    terminal.press('C-u', server.url.host, 'Enter');
    await terminal.until(/User name at/);
    terminal.press(server.username, 'Enter');
    await terminal.until(/Password for/);
    terminal.press('not the password', 'Enter');
    await terminal.until(/refused the login[^]*Password for [^]*Password for|Password for[^]*refused[^]*Password for/);
    terminal.press(server.password, 'Enter');
    const list = await terminal.until(/3 VMs/);
    expect(list).toMatch(/NAME +POWER +CAPACITY +USED +GUEST/);
    expect(list).toMatch(/❯ \[ \] db-01 +on +1\.0 MiB/);
    expect(Math.max(...list.split('\n').map((line) => line.length))).toBeLessThan(80);
    terminal.press('WEB');
    await terminal.until(/2 of 3 VMs/);
    terminal.press('Down', 'Space', 'Escape');
    // A key that follows Escape at once is part of an escape sequence.
    await terminal.until(/^ +3 VMs · 1 chosen, 1\.0 MiB/m);
    terminal.press('Space', 'Enter');
    const question = await terminal.until(/Cancel/);
    expect(question).toContain('1 of 2 VMs is powered on (db-01):');
    terminal.press('Enter');
    const end = await terminal.until(/exit \d/);
    expect(end).toContain('exit 0');
    const command = `hyper2kvm export db-01 web-02 --format vmdk -o 'out dir' --url '${server.url.host}' --username '${server.username}' --snapshot`;
    expect(end.replaceAll('\n', '')).toContain(command);
    expect(end).not.toContain(server.password);
    expect(terminal.isCursorShown()).toBe(true);
    expect(readFileSync(join(scratch.path, 'out dir', 'db-01', 'db-01.mf'), 'utf8')).toContain('SHA256');
    // With the wrong password, for the list of VMs, and for the export.
    expect(logins(server)).toBe(3);
    expect(server.state()).toMatchObject({ sessions: [] });
  },
);

testWithOracle('tmux', 'a password is asked for twice and not more, because accounts get locked', async ({ tmux }) => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  const env = environment(server, scratch, { HYPER2KVM_URL: server.url.href, HYPER2KVM_USERNAME: server.username });
  using terminal = new TmuxTerminal({ tmux, width: 120, env, folder: scratch.path }, ['list']);
  await terminal.until(/Password for/);
  terminal.press('wrong', 'Enter');
  await terminal.until(/Error:[^]*Password for/);
  terminal.press('also wrong', 'Enter');
  expect(await terminal.until(/exit \d/)).toMatch(/Error:[^]*Error:[^]*exit 10/);
  expect(logins(server)).toBe(2);
});

for (const [key, width, env] of [
  ['C-c', 40, { LC_ALL: 'C', NO_COLOR: '1' }],
  ['C-d', 120, {}],
] as const) {
  testWithOracle('tmux', `${key} in the list of VMs restores the terminal, at ${width} columns`, async ({ tmux }) => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    const all = { ...environmentOf(server, join(scratch.path, 'state')), LC_ALL: 'C.UTF-8', ...env };
    const options = { tmux, width, env: all, folder: scratch.path };
    using terminal = new TmuxTerminal(options, ['sync', '-o', 'replicas']);
    const list = await terminal.until(/3 VMs/);
    expect(list).toMatch(width === 40 ? /^> \[ \] db-01 +on +1\.0 MiB$/m : /FOLDER\n❯ \[ \] db-01 /);
    const escape = String.fromCharCode(0x1b);
    expect(terminal.screen({ colors: true }).includes(escape)).toBe(width !== 40);
    terminal.press(key);
    expect(await terminal.until(/exit \d+/)).toMatch(/Interrupted by SIGINT\.\nexit 130/);
    expect(terminal.isCursorShown()).toBe(true);
    expect(server.state()).toMatchObject({ sessions: [], leases: [] });
  });
}

testWithOracle('tmux', 'cancel leaves a VM that is powered on as it is; SIGTERM ends a question', async ({ tmux }) => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  const options = { tmux, width: 80, env: { ...env, LC_ALL: 'C.UTF-8' }, folder: scratch.path };
  {
    using terminal = new TmuxTerminal(options, ['export', 'db-01', 'web-01']);
    expect(await terminal.until(/Cancel/)).toContain('1 of 2 VMs is powered on (db-01):');
    expect(terminal.isCursorShown()).toBe(false);
    terminal.press('Up', 'Enter');
    expect(await terminal.until(/exit \d+/)).toContain('exit 130');
    expect(terminal.isCursorShown()).toBe(true);
  }
  using terminal = new TmuxTerminal(options, ['export', 'db-01']);
  await terminal.until(/db-01 is powered on:[^]*Cancel/);
  terminal.terminate();
  expect(await terminal.until(/exit \d+/)).toContain('exit 143');
  expect(terminal.isCursorShown()).toBe(true);
  expect(server.state()).toMatchObject({ sessions: [], leases: [] });
});

testWithOracle('tmux', 'nothing is asked with --json, --quiet or --detach', async ({ tmux }) => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  for (const flag of ['--json', '--quiet', '--detach', '--progress=json']) {
    using terminal = new TmuxTerminal({ tmux, width: 80, env, folder: scratch.path }, ['export', flag]);
    expect(await terminal.until(/exit \d+/)).toMatch(/No VM is given[^]*exit 2/);
  }
  expect(logins(server)).toBe(0);
});
