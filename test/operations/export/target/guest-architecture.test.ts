import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { emptyContent } from '../../../server/content-source.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { runExport, ScratchFolder } from '../export-run.ts';

function startServer(guestId: string) {
  return startTestServer({ vms: [{ name: 'arm', guestId, disks: [{ content: emptyContent(2 ** 20) }] }] });
}

test('a VM whose guest is for ARM gets a domain for ARM, and no fix', async () => {
  await using server = await startServer('armUbuntu64Guest');
  await using scratch = await ScratchFolder.make();
  const { result, error } = await runExport(server, scratch, {
    format: 'qcow2',
    guest: { ...NO_FIX, fix: 'auto' },
  });
  expect(error).toBeUndefined();
  expect(result?.exported[0]?.guest).toMatchObject({ outcome: 'not-fixed', reason: expect.stringMatching(/aarch64/) });
  const xml = await readFile(join(scratch.output, 'arm.xml'), 'utf8');
  expect(xml).toContain('<type arch="aarch64" machine="virt">');
});

test.each([
  ['a boot test', { bootTest: true }],
  ['a fix', { guest: { ...NO_FIX, fix: 'require' } }],
  ['hardware of x86', { hardware: 'sata' }],
] as const)('%s is refused for it before the download', async (_what, options) => {
  await using server = await startServer('arm-ubuntu-64');
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch, { format: 'qcow2', ...options });
  expect(error).toMatchObject({ kind: 'usage', message: expect.stringMatching(/aarch64|ARM/) });
  expect(await scratch.files()).toEqual([]);
});

test('a guest for POWER is refused where a domain is to be written, and exported as an OVF', async () => {
  await using server = await startServer('other_ppc64le');
  await using scratch = await ScratchFolder.make();
  expect((await runExport(server, scratch, { format: 'raw' })).error).toMatchObject({ kind: 'image' });
  expect((await runExport(server, scratch, { format: 'ovf' })).error).toBeUndefined();
});
