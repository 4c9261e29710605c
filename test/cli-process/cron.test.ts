import { expect, test } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { leftOnServer, NOTHING_LEFT } from '../operations/export/export-run.ts';
import { randomContent } from '../server/content-source.ts';
import type { VmOptions } from '../server/options.ts';
import { CronHost } from './cron-host.ts';

/** Several sequential runs of the program take a while on a busy machine. */
const LIMIT_MS = 240_000;
const VM: VmOptions = { name: 'web', powerState: 'poweredOn', disks: [{ content: randomContent(1 << 20, 'web') }] };
const FILES = ['.hyper2kvm-generation', '.web.hyper2kvm-whole', 'web-disk-1.qcow2', 'web.xml'];

test.concurrent(
  'the line of the crontab, four times in the bare environment of cron, keeps two whole generations and mails nothing',
  async () => {
    await using host = await CronHost.make(VM, { keep: 2 });
    const latest: string[] = [];
    for (let run = 0; run < 4; run += 1) {
      expect(await host.startCron().over).toEqual({ exitCode: 0, endedBy: null, stdout: '', stderr: '' });
      latest.push((await host.listing()).latest);
    }
    expect(new Set(latest).size).toBe(4);
    expect(await host.listing()).toEqual({ generations: latest.slice(2), others: ['latest'], latest: latest[3] });
    for (const name of latest.slice(2)) {
      expect((await readdir(join(host.vmFolder, name))).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(FILES);
    }
    expect(leftOnServer(host.server)).toEqual(NOTHING_LEFT);
    const log = await readFile(join(host.scratch.path, 'log', 'nightly.log'), 'utf8');
    expect(log.match(/done, 2 files/g)).toHaveLength(4);
    expect(await readdir(join(host.scratch.path, 'home', '.local', 'state', 'hyper2kvm', 'jobs'))).toHaveLength(4);
  },
  LIMIT_MS,
);

test.concurrent(
  'a VM that is off is exported by the first run alone, until it changes',
  async () => {
    await using host = await CronHost.make({ ...VM, powerState: 'poweredOff' }, { keep: 2 });
    for (let run = 0; run < 2; run += 1) expect((await host.startCron().over).exitCode).toBe(0);
    const { generations } = await host.listing();
    expect(generations).toHaveLength(1);
    host.server.changeVm('web', { writeDisks: true });
    expect((await host.startCron().over).exitCode).toBe(0);
    expect((await host.listing()).generations).toEqual([generations[0], expect.anything()]);
  },
  LIMIT_MS,
);

test.concurrent(
  'a run that overlaps another ends with 18 and names it, and the other one ends well',
  async () => {
    await using host = await CronHost.make(VM, { keep: 2 });
    host.server.faults.add({ on: 'disk', action: 'drip', bytesPerSecond: 60_000 });
    const first = host.startCron();
    const pid = await host.pidWhileSending('disk-0.vmdk');
    // The first run stays in progress however long the second one takes.
    process.kill(pid, 'SIGSTOP');
    const second = await host.startCron().over.finally(() => void process.kill(pid, 'SIGCONT'));
    expect(second).toMatchObject({ exitCode: 18, endedBy: null, stdout: '' });
    expect(second.stderr).toMatch(`Another run is exporting web to ${host.vmFolder}: process ${pid} on `);
    expect(second.stderr).toMatch(/since 20\S+Z, job \S+-export-\w{8}\.\n/);
    expect(await first.over).toMatchObject({ exitCode: 0, endedBy: null });
    const { generations, others, latest } = await host.listing();
    expect({ generations, others }).toEqual({ generations: [latest], others: ['latest'] });
  },
  LIMIT_MS,
);

test.concurrent(
  'after a kill -9 in mid-export the next run takes over the lock, the snapshot and the disk that was whole',
  async () => {
    const disks = [{ content: randomContent(1 << 20, 'first') }, { content: randomContent(4 << 20, 'second') }];
    await using host = await CronHost.make({ ...VM, disks }, { keep: 1, leaseTimeoutSeconds: 20 });
    expect((await host.startCron().over).exitCode).toBe(0);
    const { latest: before } = await host.listing();
    host.server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'drip', bytesPerSecond: 50_000 });
    const killed = host.startCron();
    while (host.server.faults.pending.length > 0) await pause(20);
    const resume = join(host.vmFolder, '.hyper2kvm-unfinished', '.web.hyper2kvm-resume');
    while (!(await readFile(resume, 'utf8').catch(() => '')).includes('web-disk-1.qcow2')) await pause(20);
    process.kill(await host.pidWhileSending('disk-1.vmdk'), 'SIGKILL');
    // The exit code for the kill depends on the shell.
    expect((await killed.over).exitCode ?? 137).not.toBe(0);
    expect(await host.listing()).toEqual({
      generations: [before],
      latest: before,
      others: ['.hyper2kvm-unfinished', '.latest.hyper2kvm-next', '.web.hyper2kvm-lock', 'latest'],
    });
    const requested = host.server.state().diskRequests;
    expect(leftOnServer(host.server).snapshots).toHaveLength(1);

    const next = await host.startCron().over;
    expect(next).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^(web: Warning: .*left by an export that was killed.*\n)?$/),
    });
    const { generations, others, latest } = await host.listing();
    expect({ generations, others }).toEqual({ generations: [latest], others: ['latest'] });
    expect(latest).not.toBe(before);
    expect(host.server.state().diskRequests).toEqual({
      ...requested,
      'disk-1.vmdk': (requested['disk-1.vmdk'] ?? 0) + 1,
    });
    expect(leftOnServer(host.server)).toMatchObject({ leases: [], snapshots: [] });
  },
  LIMIT_MS,
);
