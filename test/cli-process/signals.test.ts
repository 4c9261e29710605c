import { expect, test } from '@jest/globals';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { VsphereClient } from '../../src/vsphere/session/vsphere-client.ts';
import { connectionTo, leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { randomContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { jobIds } from './job-records.ts';
import { environmentOf, startProgram } from './program.ts';

const VM = { name: 'web', powerState: 'poweredOn', disks: [{ content: randomContent(4 << 20, 'web') }] } as const;
/** A disk that is so slow that no test completes its download. */
const SLOW = { on: 'disk', action: 'drip', bytesPerSecond: 20_000, times: 100 } as const;
/** Shorter than the time that a clean-up waits for a server that does not answer. */
const AT_ONCE_MS = 15_000;

async function start(scratch: ScratchFolder, server: TestServer, ...args: string[]) {
  const env = environmentOf(server, join(scratch.path, 'state'));
  const program = startProgram(['export', 'web', '--snapshot', '-o', scratch.output, ...args], {
    env,
    cwd: scratch.path,
  });
  await program.said('web-disk-1.vmdk: started');
  await sending(server, 'disk-0.vmdk');
  return program;
}

async function sending(server: TestServer, disk: string): Promise<void> {
  while (!server.state().downloads.some(({ targetId, sentBytes }) => targetId === disk && sentBytes > 0))
    await pause(20);
}

test.concurrent.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s in the middle of a download ends with %i, and with nothing left anywhere', async (name, exitCode) => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  await mkdir(scratch.output);
  server.faults.add(SLOW);
  const { child, over } = await start(scratch, server, '--json');
  child.kill(name);
  const { exitCode: ended, endedBy, stdout, stderr } = await over;
  expect({ ended, endedBy }).toEqual({ ended: exitCode, endedBy: null });
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode, error: { kind: 'interrupted' } });
  expect(stderr).toContain(`${name}: cleaning up.`);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  expect(server.state().leases).toMatchObject([{ outcome: 'aborted' }]);
  expect(await scratch.files()).toEqual([]);
  expect(await jobIds(join(scratch.path, 'state'))).toHaveLength(1);
});

test.concurrent('a second Ctrl-C leaves at once, and says what may be left', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  server.faults.add(SLOW);
  server.faults.add({ on: 'HttpNfcLeaseAbort', action: 'stall' });
  const program = await start(scratch, server);
  const { child, over } = program;
  child.kill('SIGINT');
  await program.said('cleaning up');
  await pause(400);
  const askedAt = Date.now();
  child.kill('SIGINT');
  const { exitCode, stderr } = await over;
  expect(Date.now() - askedAt).toBeLessThan(AT_ONCE_MS);
  expect(exitCode).toBe(130);
  expect(stderr).toMatch(/Stopped without cleaning up\. .*export lease.*temporary snapshot.*\.partial/);
});

test.concurrent('a second SIGTERM or SIGHUP does not cut the clean-up short', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  const told = Promise.withResolvers<void>();
  server.faults.add(SLOW);
  server.faults.add({ on: 'RemoveSnapshot_Task', action: 'hold', until: told.promise });
  const { child, over } = await start(scratch, server);
  child.kill('SIGTERM');
  while (!server.state().calls.some(({ method }) => method === 'RemoveSnapshot_Task')) await pause(20);
  child.kill('SIGTERM');
  child.kill('SIGHUP');
  told.resolve();
  expect(await over).toMatchObject({ exitCode: 143, endedBy: null });
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

test.concurrent(
  'a program that was killed leaves its lease and snapshot, which the next run waits for and takes over',
  async () => {
    await using server = await startTestServer({
      vms: [{ ...VM, disks: [{ content: randomContent(1 << 20, 'first') }, ...VM.disks] }],
    });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ ...SLOW, target: 'disk-1.vmdk' });
    const killed = await start(scratch, server, '--parallel', '1');
    await sending(server, 'disk-1.vmdk');
    killed.child.kill('SIGKILL');
    expect(await killed.over).toMatchObject({ endedBy: 'SIGKILL' });
    const { snapshots, leases } = leftOnServer(server);
    expect(leases).toHaveLength(1);
    expect(snapshots).toEqual([expect.stringMatching(/^hyper2kvm-export-/)]);

    server.faults.clear();
    const env = environmentOf(server, join(scratch.path, 'state'));
    const status = await startProgram(['status', '--json'], { env, cwd: scratch.path }).over;
    expect(JSON.parse(status.stdout)).toMatchObject({ result: { jobs: [{ state: 'interrupted' }] } });

    const args = ['export', 'web', '--snapshot', '-o', scratch.output, '--json'];
    const running = startProgram(args, { env, cwd: scratch.path });
    await running.said('Waiting for an earlier export lease to time out');
    await abortLease(server, leases[0] ?? '');
    const again = await running.over;
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toContain(`Taking over snapshot ${snapshots[0]}`);
    expect(JSON.parse(again.stdout)).toMatchObject({ result: { exported: [{ keptDisks: ['web-disk-1.vmdk'] }] } });
    expect(server.state().diskRequests).toEqual({ 'disk-0.vmdk': 1, 'disk-1.vmdk': 2 });
    // The session of the killed run remains until its idle timeout.
    expect(leftOnServer(server)).toEqual({ ...NOTHING_LEFT, sessions: 1 });
    expect(await scratch.files()).toEqual(['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf', 'web.ovf']);
  },
);

test.concurrent(
  'a second run of the same export takes nothing from the first, and is refused with 18 and the name of the holder',
  async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add(SLOW);
    const first = await start(scratch, server);
    const [job] = await jobIds(join(scratch.path, 'state'));
    const env = environmentOf(server, join(scratch.path, 'state'));
    const args = ['export', 'web', '--snapshot', '-o', scratch.output];
    const second = await startProgram(args, { env, cwd: scratch.path }).over;
    expect(second.exitCode).toBe(18);
    expect(second.stderr).toMatch(
      `Another run is exporting web to ${scratch.output}: process ${first.child.pid} on ${hostname()}, since 20`,
    );
    expect(second.stderr).toContain(`, job ${job}.`);
    expect(second.stderr).toContain(`Wait until it ends (hyper2kvm status --job ${job})`);
    expect(leftOnServer(server)).toMatchObject({ snapshots: [expect.anything()], leases: [expect.anything()] });
    expect(await scratch.files()).toContain('web-disk-1.vmdk.partial');
    first.child.kill('SIGTERM');
    expect((await first.over).exitCode).toBe(143);
  },
);

/** Aborts a lease early, as if it had timed out. */
async function abortLease(server: TestServer, value: string): Promise<void> {
  const client = new VsphereClient(connectionTo(server));
  const { signal } = new AbortController();
  await client.login(signal);
  await client.call('HttpNfcLeaseAbort', { _this: { type: 'HttpNfcLease', value } }, signal);
  await client.logout(signal);
}
