import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findOracle } from '../oracles/find-oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent, writeRawFile } from '../server/content-source.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf, runProgram, type ProgramRun } from './program.ts';

const MiB = 1 << 20;
const CONTENTS = [mixedContent(3 * MiB, 'first'), mixedContent(2 * MiB, 'second')];

function serve(): Promise<TestServer> {
  return startTestServer({ vms: [{ name: 'web', disks: CONTENTS.map((content) => ({ content })) }] });
}

function exportTo(scratch: ScratchFolder, server: TestServer, ...flags: string[]): Promise<ProgramRun> {
  const env = environmentOf(server, join(scratch.path, 'state'));
  return runProgram(['export', 'web', '-o', 'out', ...flags], { env, cwd: scratch.path });
}

test.concurrent.each([
  ['qcow2', ['--compress']],
  ['qcow2', ['--compress=zstd']],
  ['raw', []],
])('export --format %s %j leaves images and a domain, and tells how to define it', async (format, flags) => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  const { exitCode, stdout } = await exportTo(scratch, server, '--format', format, ...flags);
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`virsh define ${join(scratch.output, 'web.xml')}\n`);
  expect(await scratch.files()).toEqual([`web-disk-1.${format}`, `web-disk-2.${format}`, 'web.xml']);
  const qemuImg = findOracle('qemu-img');
  if (qemuImg === undefined) return;
  for (const [index, content] of CONTENTS.entries()) {
    const image = join(scratch.output, `web-disk-${index + 1}.${format}`);
    await writeRawFile(content, `${image}.expected`);
    const compared = await outputOf(qemuImg, ['compare', '-f', format, '-F', 'raw', image, `${image}.expected`]);
    expect(compared).toBe('Images are identical.\n');
  }
});

test.concurrent('after a failed export the summary names what the next run keeps, which then keeps it', async () => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'status', status: 503, times: 100 });
  const flags = ['--format', 'qcow2', '--parallel', '1', '--retries', '0'];
  const failed = await exportTo(scratch, server, ...flags);
  expect(failed.exitCode).toBe(12);
  expect(failed.stdout).toContain('To resume, run the same command again; it keeps web-disk-1.qcow2.\n');
  server.faults.clear();
  const again = await exportTo(scratch, server, ...flags);
  expect(again).toMatchObject({ exitCode: 0 });
  expect(again.stdout).toContain('1 disk kept from an earlier run: web-disk-1.qcow2\n');
});

test.concurrent('after an export that kept nothing the summary promises nothing', async () => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'disk', action: 'status', status: 503, times: 100 });
  const { exitCode, stdout, stderr } = await exportTo(scratch, server, '--format', 'qcow2', '--retries', '0');
  expect(exitCode).toBe(12);
  expect(stderr.match(/could not be downloaded/g)).toHaveLength(1);
  expect(stdout).not.toContain('To resume');
  expect(await readdir(scratch.output).catch(() => [])).toEqual([]);
});
