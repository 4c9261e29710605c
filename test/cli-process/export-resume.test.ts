import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { randomContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf, runProgram, startProgram, type ProgramRun } from './program.ts';

const DISKS = ['first', 'second'].map((name) => ({ content: randomContent(1 << 20, name) }));
/** Timeout of a killed run's lease. The next run has to wait for it. */
const LEASE_SECONDS = 5;

function run(server: TestServer, scratch: ScratchFolder, args: readonly string[]): Promise<ProgramRun> {
  const env = environmentOf(server, join(scratch.path, 'state'));
  return runProgram(['export', 'web', '-o', scratch.output, '--json', ...args], { env, cwd: scratch.path });
}

/** Starts an export and kills it as soon as `isThere` is true for the server. */
async function runAndKill(
  server: TestServer,
  scratch: ScratchFolder,
  args: readonly string[],
  isThere: (server: TestServer) => boolean,
): Promise<void> {
  const env = environmentOf(server, join(scratch.path, 'state'));
  const words = ['export', 'web', '-o', scratch.output, '--parallel', '1', ...args];
  const { child, over } = startProgram(words, { env, cwd: scratch.path });
  let ended: ProgramRun | undefined;
  void over.then((end) => (ended = end));
  while (!isThere(server)) {
    if (ended) throw new Error(`It ended before it was killed: ${ended.stderr}`);
    await pause(20);
  }
  child.kill('SIGKILL');
  expect(await over).toMatchObject({ endedBy: 'SIGKILL' });
}

const asksFor = (disk: string) => (server: TestServer) =>
  server.state().downloads.some(({ targetId, sentBytes }) => targetId === disk && sentBytes > 0);

test.concurrent.each([
  ['raw', 'qcow2'],
  ['qcow2', 'raw'],
  ['ovf', 'qcow2'],
])(
  'a %s export that was killed at its second disk, run again as %s, takes nothing over that is not in that format',
  async (first, second) => {
    await using server = await startTestServer({
      vms: [{ name: 'web', disks: DISKS }],
      leaseTimeoutSeconds: LEASE_SECONDS,
    });
    await using scratch = await ScratchFolder.make();
    const held = Promise.withResolvers<void>();
    server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'hold', until: held.promise });
    await runAndKill(
      server,
      scratch,
      ['--format', first, '--fix', 'off'].slice(0, first === 'ovf' ? 2 : 4),
      asksFor('disk-1.vmdk'),
    );
    held.resolve();
    const { exitCode, stdout } = await run(server, scratch, ['--format', second, '--fix', 'off']);
    expect({ exitCode, result: JSON.parse(stdout) }).toMatchObject({
      exitCode: 0,
      result: { result: { exported: [{ keptDisks: [] }] } },
    });
    expect(await scratch.files()).toEqual([`web-disk-1.${second}`, `web-disk-2.${second}`, 'web.xml']);
    const magic = (await readFile(join(scratch.output, `web-disk-1.${second}`))).toString('latin1', 0, 4);
    expect(magic === 'QFI\xfb').toBe(second === 'qcow2');
  },
);

/** A running VM. Its exports are killed while the second disk is downloaded. */
const RUNNING = { name: 'web', powerState: 'poweredOn', disks: DISKS } as const;
const powerOf = (server: TestServer) => server.state().vms['web']?.powerState;
const hasCalled = (method: string) => (server: TestServer) =>
  server.state().calls.some((call) => call.method === method);

test.concurrent.each<[string, (server: TestServer) => boolean, string[]]>([
  ['while the guest shuts down, run again alike', hasCalled('ShutdownGuest'), ['--shutdown', '--restart']],
  ['in the middle of a disk, run again alike', asksFor('disk-1.vmdk'), ['--shutdown', '--restart']],
  ['in the middle of a disk, run again without a word about power', asksFor('disk-1.vmdk'), []],
])('a VM that was shut down for an export that was killed %s is powered on again', async (_title, at, again) => {
  await using server = await startTestServer({ vms: [RUNNING], leaseTimeoutSeconds: LEASE_SECONDS });
  await using scratch = await ScratchFolder.make();
  const held = Promise.withResolvers<void>();
  server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'hold', until: held.promise });
  await runAndKill(server, scratch, ['--shutdown', '--restart'], at);
  held.resolve();
  server.faults.clear();
  while (powerOf(server) !== 'poweredOff') await pause(20);
  const { exitCode, stderr } = await run(server, scratch, again);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Powering web on again') });
  expect(powerOf(server)).toBe('poweredOn');
  expect(await scratch.files()).toEqual(['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf', 'web.ovf']);
});

test.concurrent('a later run that is asked to leave the VM off does so', async () => {
  await using server = await startTestServer({ vms: [RUNNING], leaseTimeoutSeconds: LEASE_SECONDS });
  await using scratch = await ScratchFolder.make();
  const held = Promise.withResolvers<void>();
  server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'hold', until: held.promise });
  await runAndKill(server, scratch, ['--shutdown', '--restart'], asksFor('disk-1.vmdk'));
  held.resolve();
  expect((await run(server, scratch, ['--shutdown'])).exitCode).toBe(0);
  expect(powerOf(server)).toBe('poweredOff');
});

test.concurrent(
  'the snapshot of a killed export is removed by a later run without --snapshot, and by the one after that where it could not be',
  async () => {
    await using server = await startTestServer({ vms: [RUNNING], leaseTimeoutSeconds: LEASE_SECONDS });
    await using scratch = await ScratchFolder.make();
    const held = Promise.withResolvers<void>();
    server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'hold', until: held.promise });
    await runAndKill(server, scratch, ['--snapshot'], asksFor('disk-1.vmdk'));
    held.resolve();
    const snapshots = () => server.state().vms['web']?.snapshots;
    expect(snapshots()).toHaveLength(1);
    server.changeVm('web', { powerState: 'poweredOff' });
    server.faults.add({ on: 'RemoveSnapshot_Task', action: 'soap-fault', fault: 'NoPermission', times: 3 });
    const skip = ['--skip-existing'];
    const left = await run(server, scratch, skip);
    expect(left.stderr).toContain('is still on');
    expect(snapshots()).toHaveLength(1);
    server.faults.clear();
    const { exitCode, stdout, stderr } = await run(server, scratch, skip);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('Removing the snapshot'),
    });
    expect(JSON.parse(stdout)).toMatchObject({ result: { skipped: [{ vm: 'web' }] } });
    expect(snapshots()).toEqual([]);
    expect(await scratch.files()).not.toContain('.web.hyper2kvm-resume');
  },
);
