import { expect, test } from '@jest/globals';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { environmentOf, runProgram } from './program.ts';

const PASSWORD = `Zaq-1 <&"%ü'> wörtlich`;
/** Parts of the password that are the same in every encoding. */
const PIECES = /Zaq|rtlich/;
const OPTIONS = {
  credentials: { username: 'dom\\joe@vsphere.local', password: PASSWORD },
  vms: [{ name: 'web', nvram: Buffer.from('an NVRAM'), disks: [{ content: mixedContent(1 << 20, 'web') }] }],
};

interface Entry {
  kind?: string;
  method?: string;
  fault?: string;
  request?: { file: string; bytes: number };
  answer?: { file: string };
  start?: { file: string; bytes: number };
  bodyBytes?: number;
  program?: string;
  exitCode?: number;
  reason?: string;
}

async function readTrace(parent: string): Promise<{ folder: string; entries: Entry[]; texts: Map<string, string> }> {
  const [name = '', ...others] = await readdir(parent);
  expect(others).toEqual([]);
  const folder = join(parent, name);
  const files = await readdir(folder);
  const texts = new Map(
    await Promise.all(files.map(async (file) => [file, await readFile(join(folder, file), 'latin1')] as const)),
  );
  const lines = (texts.get('trace.jsonl') ?? '').trimEnd().split('\n');
  return { folder, entries: lines.map((line): Entry => JSON.parse(line)), texts };
}

test.concurrent('a trace and the debug output of a whole export hold no password, cookie, key or ticket', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const echo = `denied to joe with <password>${PASSWORD}</password>, ${encodeURIComponent(PASSWORD)}, ${JSON.stringify(PASSWORD)}`;
  server.faults.add({
    on: 'HttpNfcLeaseSetManifestChecksumType',
    action: 'soap-fault',
    fault: 'NotSupported',
    message: echo,
  });
  server.faults.add({ on: 'CurrentTime', action: 'status', status: 503 });
  const [trace, log] = [join(scratch.path, 'trace'), join(scratch.path, 'log')];
  const env = { ...environmentOf(server, join(scratch.path, 'state')), HYPER2KVM_TRACE: trace };
  const run = await runProgram(['export', 'web', '-o', 'out', '--debug', '--log-file', log], {
    env,
    cwd: scratch.path,
  });
  expect(run.exitCode).toBe(0);

  const { folder, entries, texts } = await readTrace(trace);
  const { secrets } = server.state();
  expect(secrets.length).toBeGreaterThanOrEqual(3);
  const shown = [run.stdout, run.stderr, await readFile(log, 'utf8'), ...texts.values()].join('\n');
  const base64 = Buffer.from(PASSWORD).toString('base64');
  expect(shown.split('\n').filter((line) => PIECES.test(line) || line.includes(base64))).toEqual([]);
  for (const secret of secrets) expect(shown.split('\n').filter((line) => line.includes(secret))).toEqual([]);
  // Proves that the server's echo of the password was recorded, and masked.
  expect(shown.includes('denied to joe with')).toBe(true);

  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  for (const file of texts.keys()) expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
  const calls = entries.filter(({ kind }) => kind === 'call');
  expect(calls.map(({ method }) => method)).toEqual(expect.arrayContaining(['Login', 'ExportVm', 'Logout']));
  const login = calls.find(({ method }) => method === 'Login');
  expect(texts.get(login?.request?.file ?? '')).toContain('<password>***</password>');
  expect(calls.find(({ fault }) => fault === 'NotSupported')?.method).toBe('HttpNfcLeaseSetManifestChecksumType');
  expect(entries.at(-1)).toMatchObject({ kind: 'end', exitCode: 0 });
});

test.concurrent('a trace holds at most the first KiB of a stream, and nothing of an NVRAM', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const trace = join(scratch.path, 'trace');
  const env = { ...environmentOf(server, join(scratch.path, 'state')), HYPER2KVM_TRACE: trace };
  const run = await runProgram(['export', 'web', '-o', 'out'], { env, cwd: scratch.path });
  expect(run.exitCode).toBe(0);
  expect(run.stderr).toContain(trace);
  expect(run.stderr).not.toContain('debug:');
  const { entries, texts } = await readTrace(trace);
  const downloads = entries.filter(({ kind }) => kind === 'download');
  expect(downloads).toHaveLength(2);
  expect(downloads.filter(({ start }) => start).map(({ start }) => start?.bytes)).toEqual([1024]);
  expect([...texts.values()].join('\n')).not.toContain('an NVRAM');
});

test.concurrent(
  'HYPER2KVM_DEBUG and --debug print calls, downloads, retries and commands, and the log has them',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    const bin = join(scratch.path, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'virsh'), '#!/bin/sh\necho 10.0.0\n', { mode: 0o755 });
    const base = environmentOf(server, join(scratch.path, 'state'));
    const env = { ...base, PATH: [bin, base['PATH']].join(delimiter) };
    const cwd = scratch.path;
    server.faults.add({ on: 'Login', action: 'status', status: 503 });
    const status = await runProgram(['status', '--debug'], { env, cwd });
    expect(status.stderr).toMatch(/^debug: SOAP Login: HTTP 503 in \d+ ms, .* sent, .* received, failed: /m);
    expect(status.stderr).toMatch(/^debug: retry of Login in \d+ ms, attempt 1 failed: .*503/m);
    expect(status.stderr).toMatch(/^debug: command \S*virsh \S*--version\S*: exit code 0 in \d+ ms/m);
    expect(status.stderr).not.toMatch(PIECES);

    const log = join(scratch.path, 'log');
    const words = ['export', 'web', '-o', 'out', '--json', '--log-file', log];
    const run = await runProgram(words, { env: { ...env, HYPER2KVM_DEBUG: '1' }, cwd });
    const download =
      /debug: GET disk-0\.vmdk from \S+: HTTP 200, connected after \d+ ms, first byte after \d+ ms, .* in /;
    expect(run.stderr).toMatch(download);
    expect(await readFile(log, 'utf8')).toMatch(download);
    expect(JSON.parse(run.stdout)).toMatchObject({ ok: true });
    const quiet = await runProgram(['list'], { env: { ...env, HYPER2KVM_DEBUG: '0' }, cwd });
    expect(quiet.stderr).toBe('');
  },
);

test.concurrent('a folder for the trace that cannot be made ends the command before it calls the server', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const file = join(scratch.path, 'file');
  await writeFile(file, '');
  const env = { ...environmentOf(server, join(scratch.path, 'state')), HYPER2KVM_TRACE: join(file, 'trace') };
  const run = await runProgram(['list'], { env, cwd: scratch.path });
  expect(run).toMatchObject({ exitCode: 14, stdout: '' });
  expect(server.state().calls).toEqual([]);
});
