import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { leftOnServer, NOTHING_LEFT, ScratchFolder } from '../operations/export/export-run.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { testUnless } from '../oracles/skips.ts';
import { canMount, testWithMount, withQuota, withTmpfs, withWindowsNames } from '../operations/tmpfs.ts';
import { mixedContent, randomContent } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf, runProgram, type ProgramRun } from './program.ts';

const MiB = 1 << 20;

/** Runs the program in the scratch folder. */
function run(server: TestServer, scratch: ScratchFolder, args: string[], stdin = ''): Promise<ProgramRun> {
  return runProgram(args, { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path, stdin });
}

for (const [title, options, says] of [
  ['too small', 'size=1m', /are expected, .* free in/],
  ['read-only', 'size=8m,ro', /EROFS|read-only/i],
] as const)
  testWithMount(`an output on a file system that is ${title} is refused before the lease, with 14`, async () => {
    await using server = await startTestServer({
      vms: [{ name: 'web', disks: [{ content: randomContent(4 * MiB, 'web') }] }],
    });
    await using scratch = await ScratchFolder.make();
    await mkdir(scratch.output);
    await withTmpfs(scratch.output, options, async () => {
      const { exitCode, stderr } = await run(server, scratch, ['export', 'web', '-o', scratch.output]);
      expect({ exitCode, files: await scratch.files() }).toEqual({ exitCode: 14, files: [] });
      expect(stderr).toMatch(says);
      expect(server.state().leases).toEqual([]);
    });
  });

testWithMount('an output that fills up while the disk comes ends with 14, and is empty again', async () => {
  // 3 MiB are enough for a disk of 2 MiB, but not together with the file that another program writes meanwhile.
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: [{ content: randomContent(2 * MiB, 'web') }] }],
  });
  await using scratch = await ScratchFolder.make();
  await mkdir(scratch.output);
  await withTmpfs(scratch.output, 'size=3m', async () => {
    const filled = Promise.withResolvers<void>();
    server.faults.add({ on: 'ExportVm', action: 'hold', until: filled.promise });
    const exporting = run(server, scratch, ['export', 'web', '-o', scratch.output, '--json']);
    while (!server.state().calls.some(({ method }) => method === 'ExportVm')) await pause(20);
    await writeFile(join(scratch.output, 'other'), Buffer.alloc(2 * MiB));
    filled.resolve();
    const { exitCode, stdout } = await exporting;
    expect(exitCode).toBe(14);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { kind: 'local-file', message: expect.stringMatching(/ENOSPC|no space/i) },
    });
    expect(await scratch.files()).toEqual(['other']);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(server.state().diskRequests).toEqual({ 'disk-0.vmdk': 1 });
  });
});

const QUOTA = 'a quota that is used up while a disk comes ends with 14, and the disk before it stays for the next run';
if (canMount() && readFileSync('/proc/filesystems', 'utf8').includes('btrfs')) {
  testWithOracle('mkfs.btrfs', QUOTA, async () => {
    await using server = await startTestServer({
      vms: [
        {
          name: 'web',
          disks: [{ content: randomContent(2 * MiB, 'first') }, { content: randomContent(8 * MiB, 'second') }],
        },
      ],
    });
    await using scratch = await ScratchFolder.make();
    await mkdir(scratch.output);
    const place = { folder: scratch.output, path: join(scratch.path, 'btrfs.img') };
    await withQuota(place, '6M', async () => {
      const args = ['export', 'web', '-o', scratch.output, '--parallel', '1', '--json'];
      const env = environmentOf(server, join(scratch.path, 'state'));
      // Quotas do not apply to root with this capability.
      const { exitCode, stdout } = await runProgram(args, { env, cwd: scratch.path, without: 'sys_resource' });
      expect(exitCode).toBe(14);
      expect(JSON.parse(stdout)).toMatchObject({
        error: { kind: 'local-file', message: expect.stringContaining('the disk quota is used up') },
        result: { failed: [{ keptForNextRun: ['web-disk-1.vmdk'] }] },
      });
      expect(await scratch.files()).toEqual(['.web.hyper2kvm-resume', 'web-disk-1.vmdk.partial']);
      execFileSync('btrfs', ['qgroup', 'limit', 'none', scratch.output]);
      const again = JSON.parse((await run(server, scratch, args)).stdout);
      expect(again).toMatchObject({ result: { exported: [{ keptDisks: ['web-disk-1.vmdk'] }] } });
    });
  });
} else testUnless({ missing: 'root, and a kernel with Btrfs' }, QUOTA, () => undefined);

for (const kind of ['mkntfs', 'fusefat'] as const) {
  const title = `a name that NTFS or FAT refuses is told before anything is fetched, and --name helps (${kind})`;
  if (!canMount() || !existsSync('/dev/fuse'))
    testUnless({ missing: 'root, and leave to mount with FUSE' }, title, () => undefined);
  else
    testWithOracle(kind, title, async () => {
      await using server = await startTestServer({
        vms: [{ name: 'web: old', disks: [{ content: mixedContent(MiB, 'web') }] }],
      });
      await using scratch = await ScratchFolder.make();
      await mkdir(scratch.output);
      await withWindowsNames(kind, { folder: scratch.output, path: join(scratch.path, 'fs.img') }, async () => {
        for (const output of [scratch.output, join(scratch.output, 'web: old')]) {
          const refused = await run(server, scratch, ['export', 'web: old', '-o', output]);
          expect(refused).toMatchObject({ exitCode: 14 });
          expect(refused.stderr).toMatch(/The file system of \S+ cannot hold a file named "web: old[^"]*" \(E[A-Z]+\)/);
          expect(refused.stderr).toMatch(/--name NAME/);
        }
        expect(server.state().leases).toEqual([]);
        expect(await scratch.files()).toEqual([]);
        const args = ['export', 'web: old', '-o', scratch.output, '--name', 'web-old'];
        expect(await run(server, scratch, [...args, '--dry-run'])).toMatchObject({ exitCode: 0 });
        // The FUSE driver cannot truncate files. The kernel's FAT driver can.
        if (kind === 'fusefat') return;
        expect(await run(server, scratch, args)).toMatchObject({ exitCode: 0 });
        expect(await scratch.files()).toEqual(['web-old-disk-1.vmdk', 'web-old.mf', 'web-old.ovf']);
      });
    });
}

test.concurrent(
  '--name renames files, the folder of a list, the OVF and the domain; several VMs are a usage error',
  async () => {
    const vms = ['web', 'db'].map((name) => ({ name, disks: [{ content: mixedContent(MiB, name) }] }));
    await using server = await startTestServer({ vms });
    await using scratch = await ScratchFolder.make();
    const args = ['export', '--from-file', '-', '-o', 'out', '--name', 'shop'];
    expect(await run(server, scratch, args, 'web\n')).toMatchObject({ exitCode: 0 });
    expect(await scratch.files()).toEqual(['shop']);
    const shop = join(scratch.output, 'shop');
    expect((await readdir(shop)).toSorted()).toEqual([
      '.shop.hyper2kvm-whole',
      'shop-disk-1.vmdk',
      'shop.mf',
      'shop.ovf',
    ]);
    expect(await readFile(join(shop, 'shop.ovf'), 'utf8')).toContain('<Name>shop</Name>');
    const image = ['export', 'web', '-o', 'kvm', '--name', 'shop', '--format', 'raw', '--json'];
    const { stdout } = await run(server, scratch, image);
    expect(JSON.parse(stdout)).toMatchObject({ result: { exported: [{ vm: 'web' }] } });
    expect(await readFile(join(scratch.path, 'kvm', 'shop.xml'), 'utf8')).toContain('<name>shop</name>');
    const leases = server.state().leases.length;
    for (const [words, lines] of [
      [['*'], ''],
      [['web', 'ghost'], ''],
      [['--from-file', '-'], 'web\ndb\n'],
    ] as const) {
      const refused = await run(server, scratch, ['export', ...words, '-o', 'more', '--name', 'shop'], lines);
      expect(refused).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('--name applies to one VM'),
      });
    }
    expect(server.state().leases).toHaveLength(leases);
  },
);

test.concurrent('a file that is in the way is told with the job that wrote it', async () => {
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: [{ content: mixedContent(MiB, 'web') }] }],
  });
  await using scratch = await ScratchFolder.make();
  const args = ['export', 'web', '-o', scratch.output];
  const first = await run(server, scratch, [...args, '--json']);
  const { result }: { result: { job: string } } = JSON.parse(first.stdout);
  const again = await run(server, scratch, args);
  expect(again.exitCode).toBe(14);
  const path = join(scratch.output, 'web.ovf');
  expect(again.stderr).toContain(`${path} exists: job ${result.job} wrote it, which exported web.`);
  await writeFile(join(scratch.path, 'web.ovf'), 'mine');
  const others = await run(server, scratch, ['export', 'web', '-o', '.']);
  expect(others.stderr).toContain('web.ovf exists: it was not written by a job that is recorded here.');
  // A conversion and its dry run report the same.
  await writeFile(join(scratch.path, 'disk.raw'), Buffer.alloc(MiB));
  const images = ['convert', 'disk.raw', '--input-format=raw', '-o', join(scratch.output, 'web-disk-1.vmdk')];
  for (const more of [[], ['--dry-run']]) {
    const converted = await run(server, scratch, [...images, ...more]);
    expect(converted.exitCode).toBe(14);
    expect(converted.stdout + converted.stderr).toContain(
      `web-disk-1.vmdk exists: job ${result.job} wrote it, which exported web.`,
    );
  }
});

test.concurrent('--force replaces what is there', async () => {
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: [{ content: mixedContent(MiB, 'web') }] }],
  });
  await using scratch = await ScratchFolder.make();
  await mkdir(scratch.output);
  await writeFile(join(scratch.output, 'web-disk-1.vmdk'), 'old');
  await writeFile(join(scratch.output, 'notes.txt'), 'mine');
  expect((await run(server, scratch, ['export', 'web', '-o', scratch.output, '--force'])).exitCode).toBe(0);
  expect(await scratch.files()).toEqual(['notes.txt', 'web-disk-1.vmdk', 'web.mf', 'web.ovf']);
  expect((await readFile(join(scratch.output, 'web-disk-1.vmdk'))).subarray(0, 4).toString()).toBe('KDMV');
});

test.concurrent('several VMs go to a folder each; one that fails stops no other, and the exit code is 3', async () => {
  const disks = [{ content: mixedContent(MiB, 'any') }];
  await using server = await startTestServer({
    vms: [
      { name: 'web', disks },
      { name: 'db', disks },
      { name: 'mail', disks },
    ],
  });
  await using scratch = await ScratchFolder.make();
  await writeFile(join(scratch.path, 'vms.txt'), '# all\n\ndb\nghost\nmail\n');
  server.faults.add({ on: 'disk', target: 'db', action: 'status', status: 403 });
  const { exitCode, stdout, stderr } = await run(server, scratch, [
    'export',
    'web',
    '--from-file',
    'vms.txt',
    '-o',
    'out',
    '--json',
  ]);
  expect(exitCode).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    exitCode: 3,
    error: { kind: 'partial' },
    result: { state: 'partial', exported: [{ vm: 'web' }, { vm: 'mail' }], failed: [{ vm: 'ghost' }, { vm: 'db' }] },
  });
  expect(stderr).toMatch(/ghost/);
  expect((await readdir(scratch.output)).toSorted()).toEqual(['mail', 'web']);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

test.concurrent('a VM from a list of one gets a folder of its own, and stays there when the list grows', async () => {
  const vms = ['web', 'db'].map((name) => ({ name, disks: [{ content: mixedContent(MiB, name) }] }));
  await using server = await startTestServer({ vms });
  await using scratch = await ScratchFolder.make();
  const args = ['export', '--from-file', '-', '-o', 'out', '--skip-existing', '--json'];
  expect((await run(server, scratch, args, 'web\n')).exitCode).toBe(0);
  expect(await scratch.files()).toEqual(['web']);
  const { stdout } = await run(server, scratch, args, 'web\ndb\n');
  expect(JSON.parse(stdout)).toMatchObject({ result: { skipped: [{ vm: 'web' }], exported: [{ vm: 'db' }] } });
  expect(server.state().downloads).toHaveLength(2);
});

test.concurrent('VMs come from standard input too, and all that succeed is 0', async () => {
  const disks = [{ content: mixedContent(MiB, 'any') }];
  await using server = await startTestServer({
    vms: [
      { name: 'web', disks },
      { name: 'db', disks },
    ],
  });
  await using scratch = await ScratchFolder.make();
  const args = ['export', '--from-file', '-', '-o', 'out', '--format', 'ova', '--quiet'];
  expect(await run(server, scratch, args, 'web\ndb\n')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  expect((await readdir(scratch.output, { recursive: true })).toSorted()).toEqual([
    'db',
    'db/.db.hyper2kvm-whole',
    'db/db.ova',
    'web',
    'web/.web.hyper2kvm-whole',
    'web/web.ova',
  ]);
});

test.concurrent('too small a limit of open files is told before anything is done; 64 are enough for a VM', async () => {
  const disks = ['a', 'b', 'c'].map((name) => ({ content: mixedContent(MiB, name) }));
  await using server = await startTestServer({ vms: [{ name: 'web', disks }] });
  await using scratch = await ScratchFolder.make();
  const args = ['export', 'web', '-o', scratch.output, '--format', 'qcow2'];
  const env = environmentOf(server, join(scratch.path, 'state'));
  const limited = (openFiles: number) => runProgram(args, { env, cwd: scratch.path, openFiles });
  const { exitCode, stderr } = await limited(32);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 17,
    stderr: 'Error: The limit of open files is 32, but at least 64 are needed.\n  Raise it: ulimit -n 1024.\n',
  });
  expect(server.state().calls).toEqual([]);
  expect(await limited(64)).toMatchObject({ exitCode: 0 });
});
