import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { InfoDocument } from '../../src/operations/documents/schemas.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, runProgram } from './program.ts';

async function info(cwd: string, ...args: string[]): Promise<InfoDocument> {
  const { stdout } = await runProgram(['info', ...args, '--json'], { env: environmentOf(undefined, cwd), cwd });
  const { result }: { result: InfoDocument } = JSON.parse(stdout);
  return result;
}

test('an OVF and an OVA of the same VM have the same VM and disks', async () => {
  await using server = await startTestServer({
    vms: [
      {
        name: 'web',
        cpus: 2,
        memoryMb: 2048,
        disks: [{ content: mixedContent(4 << 20, 'a') }, { content: mixedContent(1 << 20, 'b') }],
      },
    ],
  });
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(server, join(scratch.path, 'state')), cwd: scratch.path };
  for (const format of ['ovf', 'ova']) {
    const run = await runProgram(['export', 'web', `--format=${format}`, '-o', `${format}/`], options);
    expect(run).toMatchObject({ exitCode: 0 });
  }
  const ovf = await info(scratch.path, 'ovf/web.ovf');
  expect(ovf).toMatchObject({
    container: 'folder',
    machine: { name: 'web', vcpus: 2, memoryBytes: 2048 * 2 ** 20, firmware: 'bios' },
    manifestFiles: 2,
    disks: [
      { format: 'vmdk', variant: 'streamOptimized', virtualSizeBytes: 4 << 20 },
      { format: 'vmdk', variant: 'streamOptimized', virtualSizeBytes: 1 << 20 },
    ],
  });
  const ova = await info(scratch.path, 'ova/web.ova');
  expect(ova).toMatchObject({ container: 'ova', manifestFiles: 2 });
  expect(ova.machine).toEqual(ovf.machine);
  expect(ova.disks.map(({ sizeBytes, virtualSizeBytes }) => ({ sizeBytes, virtualSizeBytes }))).toEqual(
    ovf.disks.map(({ sizeBytes, virtualSizeBytes }) => ({ sizeBytes, virtualSizeBytes })),
  );
  const { stdout } = await runProgram(['info', 'ova/web.ova'], options);
  expect(stdout).toMatch(/^ova\/web\.ova is an OVA, with a manifest of 2 files\.\n\nVM {8}web\n/);
  expect(stdout).toContain('Hardware  2 CPUs');
  expect(stdout).toMatch(/^ *# +DISK +FORMAT +CAPACITY +USED +SIZE +CONTROLLER$/m);
});

testWithOracle(['qemu-img'], 'sizes and files of a chain are those of qemu-img', async ({ 'qemu-img': qemuImg }) => {
  await using scratch = await ScratchFolder.make();
  const at = (name: string): string => join(scratch.path, name);
  await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M']);
  await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top.qcow2'), '16M']);
  const chain: { 'virtual-size': number; filename: string }[] = JSON.parse(
    await outputOf(qemuImg, ['info', '--backing-chain', '--output=json', at('top.qcow2')]),
  );
  const { disks, container, machine } = await info(scratch.path, at('top.qcow2'));
  expect({ container, machine }).toEqual({ container: 'image', machine: undefined });
  expect(disks).toMatchObject([
    {
      format: 'qcow2',
      virtualSizeBytes: chain[0]?.['virtual-size'],
      usedBytes: 0,
      files: chain.map(({ filename }) => filename),
    },
  ]);
});

test('what is not a source is refused like in a conversion', async () => {
  await using scratch = await ScratchFolder.make();
  const options = { env: environmentOf(undefined, scratch.path), cwd: scratch.path };
  expect((await runProgram(['info', 'missing.ova'], options)).exitCode).toBe(14);
  expect((await runProgram(['info', 'missing.ova', '--vm', 'a', '--input-format', 'raw'], options)).exitCode).toBe(2);
});
