import { expect, test } from '@jest/globals';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { emptyContent, mixedContent } from '../server/content-source.ts';
import type { ScriptedFault } from '../server/scripted-faults.ts';
import { streamOptimized } from '../server/stream-optimized-writer.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { environmentOf, runProgram } from './program.ts';

const MiB = 1 << 20;
const content = emptyContent(MiB);

interface Place extends AsyncDisposable {
  server: TestServer;
  scratch: ScratchFolder;
  env: NodeJS.ProcessEnv;
}

async function makePlace(): Promise<Place> {
  const scratch = await ScratchFolder.make();
  const bytes = await buffer(streamOptimized(mixedContent(MiB, 'file')));
  const whole = join(scratch.path, 'whole.vmdk');
  await writeFile(whole, bytes);
  // The marker of the first grain follows the header and descriptor, at sector 128. The test sets its size to an invalid value.
  const broken = join(scratch.path, 'broken.vmdk');
  bytes.writeUInt32LE(0x7fff_ffff, 128 * 512 + 8);
  await writeFile(broken, bytes);
  const server = await startTestServer({
    vms: [
      { name: 'web', disks: [{ content: mixedContent(MiB, 'web') }] },
      { name: 'twin', folder: ['a'], disks: [{ content }] },
      { name: 'twin', folder: ['b'], disks: [{ content }] },
      { name: 'running', powerState: 'poweredOn', disks: [{ content }] },
      { name: 'mapped', disks: [{ content, rawDeviceMapping: 'physicalMode' }] },
      { name: 'independent', disks: [{ content, mode: 'independent_persistent' }] },
      { name: 'encrypted', encrypted: true, disks: [{ content }] },
      { name: 'tpm', virtualTpm: true, disks: [{ content }] },
      { name: 'shared', disks: [{ content, multiWriter: true }] },
      { name: 'grown', disks: [{ content: { file: whole, capacityBytes: 2 * MiB } }] },
      { name: 'broken', disks: [{ content: { file: broken, capacityBytes: MiB } }] },
    ],
  });
  await mkdir(join(scratch.path, 'taken'));
  await writeFile(join(scratch.path, 'taken', 'web-disk-1.vmdk'), 'mine');
  await writeFile(join(scratch.path, 'file'), '');
  return {
    server,
    scratch,
    env: environmentOf(server, join(scratch.path, '.state')),
    async [Symbol.asyncDispose]() {
      await server.close();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

interface Row {
  title: string;
  args: string[];
  exitCode: number;
  /** The text on standard error, or the last line of the error in the JSON document. */
  says: RegExp;
  env?: NodeJS.ProcessEnv;
  fault?: ScriptedFault;
}

const exporting = (vm: string, ...rest: string[]) => ['export', vm, '-o', 'out', '--retries', '0', ...rest];

const ROWS: Row[] = [
  { title: 'an unknown flag', args: ['export', 'web', '--snapshoot'], exitCode: 2, says: /has no flag --snapshoot/ },
  { title: 'no server', args: ['list'], exitCode: 2, says: /No server is given/, env: { HYPER2KVM_URL: '' } },
  { title: 'a running VM', args: exporting('running'), exitCode: 2, says: /running is powered on/ },
  {
    title: 'a wrong password',
    args: exporting('web'),
    exitCode: 10,
    says: /refused the login of administrator@vsphere\.local/,
    env: { HYPER2KVM_PASSWORD: 'wrong-word' },
  },
  {
    title: 'a missing privilege',
    args: exporting('web'),
    exitCode: 10,
    says: /NoPermission/,
    fault: { on: 'ExportVm', action: 'soap-fault', fault: 'NoPermission' },
  },
  { title: 'a VM that is not there', args: exporting('webb'), exitCode: 11, says: /Did you mean "web"/ },
  {
    title: 'a name that two VMs have',
    args: exporting('twin'),
    exitCode: 11,
    says: /"twin" names 2 VMs: \/DC0\/vm\/a\/twin, \/DC0\/vm\/b\/twin/,
  },
  {
    title: 'a disk that cannot be fetched',
    args: exporting('web'),
    exitCode: 12,
    says: /HTTP status 503/,
    fault: { on: 'disk', action: 'status', status: 503 },
  },
  {
    title: 'a server that is not there',
    args: ['list'],
    exitCode: 12,
    says: /ECONNREFUSED/,
    env: { HYPER2KVM_URL: 'https://127.0.0.1:1' },
  },
  {
    title: 'a raw device mapping',
    args: exporting('mapped'),
    exitCode: 13,
    says: /raw device mapping \(physicalMode\)/,
  },
  { title: 'an independent disk', args: exporting('independent'), exitCode: 13, says: /independent_persistent/ },
  { title: 'an encrypted VM', args: exporting('encrypted'), exitCode: 13, says: /is encrypted/ },
  { title: 'a virtual TPM', args: exporting('tpm'), exitCode: 13, says: /virtual TPM/ },
  { title: 'a disk with many writers', args: exporting('shared'), exitCode: 13, says: /multi-writer/ },
  {
    title: 'a disk of another capacity than the VM says',
    args: exporting('grown'),
    exitCode: 13,
    says: /grown-disk-1\.vmdk arrived with a capacity of 1048576 bytes; the VM's hardware has 2097152/,
  },
  {
    title: 'a disk that is broken on the server',
    args: exporting('broken'),
    exitCode: 13,
    says: /broken-disk-1\.vmdk is not a valid streamOptimized VMDK/,
  },
  {
    title: 'a name that is taken',
    args: ['export', 'web', '-o', 'taken'],
    exitCode: 14,
    says: /web-disk-1\.vmdk exists/,
  },
  {
    title: 'an output that is a file',
    args: ['export', 'web', '-o', 'file'],
    exitCode: 14,
    says: /file is not a folder/,
  },
  {
    title: 'a certificate that nobody vouches for',
    args: exporting('web'),
    exitCode: 15,
    says: /is not trusted[^]*SHA-256 [0-9A-F:]{95}, SHA-1 [0-9A-F:]{59}[^]*--thumbprint/,
    env: { HYPER2KVM_THUMBPRINT: '' },
  },
  {
    title: 'another certificate than the pinned one',
    args: exporting('web'),
    exitCode: 15,
    says: /does not match the pinned thumbprint/,
    env: { HYPER2KVM_THUMBPRINT: 'A'.repeat(64) },
  },
];

test.concurrent.each(ROWS)('$title ends with $exitCode', async ({ args, exitCode, says, env, fault }) => {
  await using place = await makePlace();
  const { server, scratch } = place;
  if (fault) server.faults.add(fault);
  const before = await namesIn(scratch);
  const run = await runProgram([...args, '--json'], { env: { ...place.env, ...env }, cwd: scratch.path });
  expect(server.faults.pending).toEqual([]);
  const document: unknown = JSON.parse(run.stdout);
  expect(document).toMatchObject({ ok: false, exitCode, error: { exitCode } });
  expect(`${run.stderr}${run.stdout.replaceAll('\\"', '"')}`).toMatch(says);
  expect(run).toMatchObject({ exitCode, endedBy: null });
  expect(await namesIn(scratch)).toEqual(before);
  expect(server.state().sessions).toEqual([]);
  expect(server.state().leases.filter(({ outcome }) => outcome === 'open')).toEqual([]);
});

/** Returns the names in the folder, except the job records. */
async function namesIn({ path }: ScratchFolder): Promise<string[]> {
  const names = await readdir(path, { recursive: true });
  return names.filter((name) => !name.startsWith('.state')).toSorted();
}

test.concurrent('without --json an error is a sentence on standard error, and what to do next', async () => {
  await using place = await makePlace();
  const env = { ...place.env, HYPER2KVM_PASSWORD: 'wrong-word' };
  const run = await runProgram(['list', 'web'], { env, cwd: place.scratch.path });
  expect(run).toMatchObject({ exitCode: 10, stdout: '' });
  expect(run.stderr).toMatch(/^Error: 127\.0\.0\.1:\d+ refused the login of \S+\n {2}Check the user name [^\n]*\n$/);
});

test.concurrent('a good end is 0, with one document on standard output', async () => {
  await using place = await makePlace();
  const run = await runProgram(['export', 'web', '-o', 'good', '--json'], { env: place.env, cwd: place.scratch.path });
  expect(run.exitCode).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, exitCode: 0, result: { state: 'done' }, warnings: [] });
  const names = await readdir(join(place.scratch.path, 'good'));
  expect(names.toSorted()).toEqual(['web-disk-1.vmdk', 'web.mf', 'web.ovf']);
});
