import { expect, test } from '@jest/globals';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { runConvert } from './convert-run.ts';
import { environmentOf, runProgram, startProgram } from './program.ts';

const PASSWORD = 'Zaq-1 wort';
const OPTIONS = {
  credentials: { username: 'joe@vsphere.local', password: PASSWORD },
  vms: ['web', 'db'].map((name) => ({ name, disks: [{ content: mixedContent(1 << 20, name) }] })),
};

test.concurrent('the three kinds of report of a run in which one of two VMs fails', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  const reports = new Map<string, string>();
  for (const kind of ['html', 'md', 'csv']) {
    const report = join(scratch.path, `run.${kind}`);
    const message = `refused with ${PASSWORD}`;
    server.faults.add({ on: 'ExportVm', action: 'soap-fault', fault: 'NotSupported', message });
    const args = ['export', 'web', 'db', '-o', `out-${kind}`, '--json', '--report', report];
    const run = await runProgram(args, { env, cwd: scratch.path });
    expect(run.exitCode).toBe(3);
    const text = await readFile(report, 'utf8');
    reports.set(kind, text);
    const [exported] = JSON.parse(run.stdout).result.exported;
    for (const { path, sha256, sizeBytes } of exported.files) {
      expect(text).toContain(kind === 'md' ? path.replaceAll('_', String.raw`\_`) : path);
      expect(text).toContain(sha256);
      expect(text).toContain(String(sizeBytes));
    }
    expect(text).toContain('Hard disk 1');
    expect(text).toContain('refused with');
    expect(text).not.toMatch(/Zaq|wort/);
    expect((await stat(report)).mode & 0o777).toBe(0o600);
  }
  expect(reports.get('html')).toMatch(/<span class="badge error">failed<\/span>[^]*<span class="badge ok">exported</);
  expect(reports.get('html')).not.toMatch(/<script|(src|href)="(?!data:|#)/);
  expect(reports.get('md')).toMatch(/^## web: failed$/m);
  expect(reports.get('csv')).toMatch(/^web,vm,failed,web,/m);
  expect(reports.get('csv')).toMatch(/^db,vm,exported,db,/m);
  expect(await readdir(scratch.path)).not.toContainEqual(expect.stringMatching(/\.tmp$/));
});

test.concurrent(
  'a report that cannot be written, or would overwrite another file, is refused before the run',
  async () => {
    await using server = await startTestServer(OPTIONS);
    await using scratch = await ScratchFolder.make();
    const env = environmentOf(server, join(scratch.path, 'state'));
    const start = (...words: string[]) =>
      runProgram(['export', 'web', '-o', 'out', '--report', ...words], { env, cwd: scratch.path });
    const unknown = await start('run.txt');
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unknown.stderr).toContain('--report run.txt: the extension must be .html, .md or .csv.');
    const detached = await start('run.txt', '--detach');
    expect(detached.exitCode).toBe(2);
    expect(detached.stderr).toContain('the extension must be .html, .md or .csv.');
    const missing = await start('none/run.html');
    expect(missing).toMatchObject({ exitCode: 14, stdout: '' });
    expect(missing.stderr).toContain('Could not write the report none/run.html: it does not exist.');
    await writeFile(join(scratch.path, 'README.md'), '# Mine\n');
    const other = await start('README.md');
    expect(other).toMatchObject({ exitCode: 14, stdout: '' });
    expect(other.stderr).toContain('README.md already exists, and it is not a report of hyper2kvm.');
    expect(await readFile(join(scratch.path, 'README.md'), 'utf8')).toBe('# Mine\n');
    expect(server.state().leases).toEqual([]);
    expect(await start('README.md', '--dry-run')).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(scratch.path, 'README.md'), 'utf8')).toBe('# Mine\n');
    expect(await start('README.md', '--force')).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(scratch.path, 'README.md'), 'utf8')).toContain('## web: exported');
  },
);

test.concurrent('an interrupted run leaves a report of what is complete and what is not', async () => {
  await using server = await startTestServer(OPTIONS);
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'disk', action: 'drip', bytesPerSecond: 50_000 });
  const env = environmentOf(server, join(scratch.path, 'state'));
  const args = ['export', 'web', 'db', '-o', 'out', '--report', 'run.md'];
  const program = startProgram(args, { env, cwd: scratch.path });
  await program.said('started');
  program.child.kill('SIGTERM');
  expect((await program.over).exitCode).toBe(143);
  const text = await readFile(join(scratch.path, 'run.md'), 'utf8');
  expect(text).toContain('# hyper2kvm export: 2 VMs, 2 interrupted');
  expect(text).toContain('| Exit code | 143 |');
  expect(text).toMatch(/^- \*\*Error:\*\* Interrupted by SIGTERM\.$/m);
  expect(text).toMatch(/^## db: interrupted$/m);
});

test.concurrent('convert replaces the report of the run before, also when it fails', async () => {
  await using scratch = await ScratchFolder.make();
  await writeFile(join(scratch.path, 'disk.raw'), Buffer.alloc(1 << 20, 7));
  const convert = (...words: string[]) => runConvert(scratch, ...words, '--input-format=raw', '--report', 'run.csv');
  const path = join(scratch.path, 'run.csv');
  expect(await convert('disk.raw', '-o', 'disk.qcow2')).toMatchObject({ exitCode: 0 });
  expect(await readFile(path, 'utf8')).toMatch(/^disk\.raw,vm,converted,disk\.raw,/m);
  expect(await convert('none.raw')).toMatchObject({ exitCode: 14 });
  const text = await readFile(path, 'utf8');
  expect(text).toMatch(/^,error,.*none\.raw/m);
  expect(text).not.toContain('converted');
});
