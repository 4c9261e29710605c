import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { outputOf } from '../oracles/run-program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent, writeRawFile } from '../server/content-source.ts';
import { streamOptimized } from '../server/stream-optimized-writer.ts';
import { DISK, type Seen } from './beside-server.ts';
import { makeEmptyRoot, runInRoot } from './empty-root.ts';
import { testWithBinary } from './with-binary.ts';

const DRIVER = fileURLToPath(new URL('beside-server.ts', import.meta.url));

/** Exports from a test server that shares only the loopback interface with the empty root. */
async function exportInRoot(bwrap: string, root: string, args: readonly string[]): Promise<Seen> {
  const own = ['--unshare-net', '--dev-bind', '/', '/', process.execPath, DRIVER];
  return JSON.parse(await outputOf(bwrap, [...own, bwrap, root, ...args])) as Seen;
}

async function expectSame(qemuImg: string, image: string, raw: string): Promise<void> {
  expect(await outputOf(qemuImg, ['compare', '-f', 'qcow2', '-F', 'raw', image, raw])).toBe('Images are identical.\n');
  expect(await outputOf(qemuImg, ['check', image])).toContain('No errors were found');
}

testWithBinary(
  ['bwrap'],
  'in an empty root it tells its version, its help and its exit codes',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    await makeEmptyRoot(scratch.path, binary);
    const run = (...args: string[]) => runInRoot(paths.bwrap, scratch.path, args);
    const version = await run('--version');
    expect(version).toMatchObject({ exitCode: 0, stderr: '' });
    expect(version.stdout).toMatch(/^hyper2kvm\/\d+\.\d+\.\d+ linux-(x64|arm64) node-v24\.\S+\n$/);
    for (const args of [['--help'], ['export', '--help'], ['convert', '--help'], ['help', 'list']]) {
      const help = await run(...args);
      expect(help).toMatchObject({ exitCode: 0, stderr: '' });
      expect(help.stdout).toContain('USAGE');
    }
    const unknown = await run('exprot', '--json');
    expect(unknown).toMatchObject({ exitCode: 2, stderr: '' });
    expect(JSON.parse(unknown.stdout)).toMatchObject({ ok: false, error: { kind: 'usage' } });
  },
);

testWithBinary(
  ['bwrap'],
  'in an empty root status finds all well, and an unreachable server',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    await makeEmptyRoot(scratch.path, binary);
    const here = await runInRoot(paths.bwrap, scratch.path, ['status', '--json', '-o', '/out']);
    expect(here).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(here.stdout)).toMatchObject({ ok: true, exitCode: 0 });
    const url = 'https://192.0.2.1/sdk';
    const there = await runInRoot(paths.bwrap, scratch.path, ['list', '--url', url, '--username', 'u', '--json']);
    expect(there.exitCode).not.toBe(0);
    expect(there.exitCode).not.toBe(1);
  },
);

testWithBinary(
  ['bwrap', 'qemu-img'],
  'in an empty root it converts a VMDK into a compressed qcow2',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    const content = mixedContent(9 << 20, 'empty-root');
    await writeFile(join(scratch.path, 'disk.vmdk'), streamOptimized(content));
    await makeEmptyRoot(scratch.path, binary);
    await writeRawFile(content, join(scratch.path, 'disk.raw'));
    const args = ['convert', '/disk.vmdk', '-o', '/out', '--compress', '--verify', '--json'];
    const { exitCode, stdout } = await runInRoot(paths.bwrap, scratch.path, args);
    expect({ exitCode, document: JSON.parse(stdout) as unknown }).toMatchObject({
      exitCode: 0,
      document: { ok: true },
    });
    expect(await scratch.files()).toEqual(['disk.qcow2']);
    await expectSame(paths['qemu-img'], join(scratch.output, 'disk.qcow2'), join(scratch.path, 'disk.raw'));
  },
);

testWithBinary(
  ['bwrap', 'qemu-img'],
  'in an empty root with nothing but a loopback it exports a VM',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    await makeEmptyRoot(scratch.path, binary);
    const args = ['export', 'web', '-o', '/out', '--format', 'qcow2', '--compress', '--json'];
    const seen = await exportInRoot(paths.bwrap, scratch.path, args);
    expect(seen).toMatchObject({ interfaces: ['lo'], run: { exitCode: 0 }, sessionsLeft: 0, leases: ['completed'] });
    expect(JSON.parse(seen.run.stdout)).toMatchObject({ ok: true });
    expect(await scratch.files()).toEqual(['web-disk-1.qcow2', 'web.xml']);
    await writeRawFile(DISK, join(scratch.path, 'expected.raw'));
    await expectSame(paths['qemu-img'], join(scratch.output, 'web-disk-1.qcow2'), join(scratch.path, 'expected.raw'));
    // The run added no files next to the binary.
    expect((await readdir(scratch.path)).toSorted()).toEqual(['expected.raw', 'hyper2kvm', 'lib', 'lib64', 'out']);
  },
);

testWithBinary(
  ['bwrap'],
  'in an empty root it exports an OVF with its manifest, and says so in lines',
  async (binary, paths) => {
    await using scratch = await ScratchFolder.make();
    await makeEmptyRoot(scratch.path, binary);
    const { run } = await exportInRoot(paths.bwrap, scratch.path, ['export', 'web', '-o', '/out']);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.stdout).toContain('/out');
    expect(await scratch.files()).toEqual(['web-disk-1.vmdk', 'web.mf', 'web.ovf']);
  },
);
