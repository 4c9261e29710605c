import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { InterruptedError } from '../../../src/base/errors.ts';
import { exists } from '../../../src/base/files/exists.ts';
import { rawFileContent } from '../../server/content-source.ts';
import { startTestServer, type TestServer } from '../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../export/export-run.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { runProgram } from '../../oracles/run-program.ts';
import { bytesOf } from './replica/changing-disk.ts';
import { runSync } from './sync-run.ts';

const CAPACITY = 5 * 1024 * 1024 + 512;

/** A server whose VM `web` runs, and whose disk is a file that tests write to. */
class WrittenServer implements AsyncDisposable {
  readonly server: TestServer;
  readonly scratch: ScratchFolder;
  readonly disk: string;

  private constructor(server: TestServer, scratch: ScratchFolder, disk: string) {
    this.server = server;
    this.scratch = scratch;
    this.disk = disk;
  }

  static async start(): Promise<WrittenServer> {
    const scratch = await ScratchFolder.make();
    const disk = join(scratch.path, 'source.raw');
    await writeFile(disk, Buffer.alloc(CAPACITY));
    const content = rawFileContent(disk, CAPACITY);
    const server = await startTestServer({ vms: [{ name: 'web', powerState: 'poweredOn', disks: [{ content }] }] });
    const written = new WrittenServer(server, scratch, disk);
    await written.write(0, bytesOf('first', 700_000));
    return written;
  }

  async write(offsetBytes: number, bytes: Buffer): Promise<void> {
    await using file = await open(this.disk, 'r+');
    await file.write(bytes, 0, bytes.length, offsetBytes);
  }

  replica(name = 'web-disk-1.raw'): string {
    return join(this.scratch.output, 'web', name);
  }

  async isEqual(): Promise<boolean> {
    return (await readFile(this.disk)).equals(await readFile(this.replica()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.scratch[Symbol.asyncDispose]();
  }
}

test('the first round copies the disk, and later rounds only what changed', async () => {
  await using web = await WrittenServer.start();
  const first = await runSync(web.server, web.scratch);
  expect(first.error).toBeUndefined();
  expect(first.result).toMatchObject({ state: 'done', synced: [{ round: 1, disks: [{ reading: 'new' }] }] });
  expect(await web.isEqual()).toBe(true);

  await web.write(3_000_320, bytesOf('second', 5000));
  await web.write(100_000, Buffer.alloc(20_000));
  const second = await runSync(web.server, web.scratch);
  expect(second.result?.synced).toMatchObject([{ round: 2, disks: [{ reading: 'compared' }], files: [{}] }]);
  // In pieces of 4 KiB.
  expect(second.result?.synced[0]?.changedBytes).toBe((2 + 6) * 4096);
  expect(await web.isEqual()).toBe(true);

  const third = await runSync(web.server, web.scratch);
  expect(third.result?.synced).toMatchObject([{ round: 3, changedBytes: 0 }]);
  expect(leftOnServer(web.server)).toEqual(NOTHING_LEFT);
  expect(web.server.state().vms['web']).toMatchObject({ powerState: 'poweredOn' });
  const names = (await readdir(join(web.scratch.output, 'web'))).toSorted();
  expect(names).toEqual(['.web-disk-1.raw.hyper2kvm-digests', '.web.hyper2kvm-replica', 'web-disk-1.raw']);
});

testWithOracle('qemu-img', 'a qcow2 replica is the disk of the VM', async (oracles) => {
  await using web = await WrittenServer.start();
  for (const round of [1, 2]) {
    await web.write(round * 1_000_000, bytesOf(`round ${round}`, 3000));
    expect((await runSync(web.server, web.scratch, { format: 'qcow2' })).error).toBeUndefined();
    const replica = web.replica('web-disk-1.qcow2');
    await runProgram(oracles['qemu-img'], ['check', '-q', replica]);
    await runProgram(oracles['qemu-img'], ['compare', '-q', '-f', 'raw', '-F', 'qcow2', web.disk, replica]);
  }
});

describe('a round that fails', () => {
  test('is repeated after a broken download, and leaves the replica as it was when it cannot be', async () => {
    await using web = await WrittenServer.start();
    await runSync(web.server, web.scratch);
    const before = await readFile(web.replica());
    await web.write(2_000_000, bytesOf('lost', 9000));
    web.server.faults.add({ on: 'disk', action: 'cut', afterBytes: 100_000, times: 3 });
    const broken = await runSync(web.server, web.scratch);
    expect(broken.result).toMatchObject({ state: 'failed', failed: [{ vm: 'web' }] });
    expect((await readFile(web.replica())).equals(before)).toBe(true);
    expect(leftOnServer(web.server)).toEqual(NOTHING_LEFT);
    web.server.faults.add({ on: 'disk', action: 'cut', afterBytes: 100_000, times: 2 });
    expect((await runSync(web.server, web.scratch)).result).toMatchObject({ state: 'done', synced: [{ round: 2 }] });
    expect(await web.isEqual()).toBe(true);
  });

  test('leaves nothing on the server when it is interrupted', async () => {
    await using web = await WrittenServer.start();
    const ending = new AbortController();
    const { error } = await runSync(web.server, web.scratch, {
      signal: ending.signal,
      onEvent: (event) => {
        if (event.type === 'disk-started') ending.abort(new InterruptedError('SIGTERM'));
      },
    });
    expect(error).toEqual(new InterruptedError('SIGTERM'));
    expect(leftOnServer(web.server)).toEqual(NOTHING_LEFT);
    expect((await runSync(web.server, web.scratch)).result).toMatchObject({ state: 'done', synced: [{ round: 1 }] });
    expect(await web.isEqual()).toBe(true);
  });

  test('is refused while another run writes the same replica', async () => {
    await using web = await WrittenServer.start();
    const [one, other] = await Promise.all([runSync(web.server, web.scratch), runSync(web.server, web.scratch)]);
    const states = [one, other].map(({ result }) => result?.state ?? 'thrown').toSorted();
    expect(states).toEqual(['done', 'failed']);
    const error = one.error ?? other.error;
    expect(error).toMatchObject({ kind: 'busy' });
  });
});

describe('a replica that is in use is not changed', () => {
  testWithOracle('qemu-system-x86_64', 'by a VM that runs on it', async (paths) => {
    await refusesWhile(paths['qemu-system-x86_64'], (image) => `file=${image},format=raw`);
  });
  testWithOracle(['qemu-system-x86_64', 'qemu-img'], 'by a VM that runs on an overlay of it', async (paths) => {
    await refusesWhile(paths['qemu-system-x86_64'], (image) => {
      const overlay = `${image}.overlay`;
      execFileSync(paths['qemu-img'], ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image, overlay]);
      return `file=${overlay},format=qcow2`;
    });
  });
});

async function refusesWhile(qemu: string, driveOf: (image: string) => string): Promise<void> {
  await using web = await WrittenServer.start();
  await runSync(web.server, web.scratch);
  const before = await readFile(web.replica());
  await web.write(1_000_000, bytesOf('second', 5000));
  const socket = join(web.scratch.path, 'qmp.sock');
  const drive = `if=none,id=disk,${driveOf(web.replica())}`;
  const words = '-S -accel tcg -nodefaults -display none -device virtio-blk-pci,drive=disk -qmp';
  const vm = spawn(qemu, [...words.split(' '), `unix:${socket},server=on,wait=off`, '-drive', drive]);
  try {
    await greetingOf(socket);
    const refused = await runSync(web.server, web.scratch);
    expect(refused.error).toMatchObject({ kind: 'busy', message: expect.stringContaining('in use') });
    expect((await readFile(web.replica())).equals(before)).toBe(true);
    expect(leftOnServer(web.server)).toEqual(NOTHING_LEFT);
  } finally {
    vm.kill();
    await once(vm, 'exit');
  }
  expect((await runSync(web.server, web.scratch)).error).toBeUndefined();
  expect(await web.isEqual()).toBe(true);
}

/** QEMU sends a greeting when it has opened the disks. */
async function greetingOf(socket: string): Promise<void> {
  while (!(await exists(socket))) await sleep(20);
  const connection = createConnection(socket);
  await once(connection, 'data');
  connection.destroy();
}

test('the next round first removes a snapshot that could not be removed, and takes none while it is there', async () => {
  await using web = await WrittenServer.start();
  web.server.faults.add({ on: 'RemoveSnapshot_Task', action: 'soap-fault', fault: 'GenericVmConfigFault', times: 2 });
  const first = await runSync(web.server, web.scratch);
  expect(first.result).toMatchObject({ state: 'partial', synced: [{ round: 1 }] });
  expect(leftOnServer(web.server).snapshots).toHaveLength(1);
  const second = await runSync(web.server, web.scratch);
  expect(second.result).toMatchObject({ state: 'failed', failed: [{ error: { kind: 'transfer' } }] });
  expect(leftOnServer(web.server).snapshots).toHaveLength(1);
  const third = await runSync(web.server, web.scratch);
  expect(third.result).toMatchObject({ state: 'done', synced: [{ round: 2 }] });
  expect(leftOnServer(web.server)).toEqual(NOTHING_LEFT);
});
