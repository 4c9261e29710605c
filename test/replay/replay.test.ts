import { expect, test } from '@jest/globals';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentOf, runProgram } from '../cli-process/program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { streamOptimized } from '../server/stream-optimized-writer.ts';
import { startReplayServer } from './replay-server.ts';

const TRACES = fileURLToPath(new URL('traces/', import.meta.url));

/** The stream that the test server sent when `test-server-export` was recorded. */
async function bodies() {
  return { 'disk-0.vmdk': Buffer.concat(await Array.fromAsync(streamOptimized(mixedContent(1 << 16, 'web')))) };
}

async function readJson(name: string): Promise<unknown> {
  return JSON.parse(await readFile(join(TRACES, name), 'utf8'));
}

test.concurrent('a replayed export gives the files of the recorded one', async () => {
  await using server = await startReplayServer(join(TRACES, 'test-server-export'), { bodies: await bodies() });
  await using scratch = await ScratchFolder.make();
  const env = environmentOf(server, join(scratch.path, 'state'));
  const run = await runProgram(['export', 'web', '-o', 'out', '--json'], { env, cwd: scratch.path });
  expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, warnings: [] });
  const manifest = await readFile(join(scratch.path, 'out', 'web.mf'), 'utf8');
  expect(manifest).toBe(await readFile(join(TRACES, 'test-server-export.mf'), 'utf8'));
  expect(server.unanswered).toEqual([]);
});

test.concurrent('a replayed list and status of vcsim give the recorded results', async () => {
  await using scratch = await ScratchFolder.make();
  const cwd = scratch.path;
  await using lists = await startReplayServer(join(TRACES, 'vcsim-list'));
  const listed = await runProgram(['list', '--json'], { env: environmentOf(lists, join(cwd, 'state')), cwd });
  expect(JSON.parse(listed.stdout)).toMatchObject({ ok: true, result: await readJson('vcsim-list.json') });
  expect(lists.unanswered).toEqual([]);

  await using states = await startReplayServer(join(TRACES, 'vcsim-status'));
  // Hides external tools on the PATH: KVM and libguestfs are not part of the test.
  const env = { ...environmentOf(states, join(cwd, 'state')), PATH: cwd };
  const status = await runProgram(['status', '--snapshot', '--json'], { env, cwd });
  const { result }: { result: { findings: object[] } } = JSON.parse(status.stdout);
  expect(result.findings).toEqual(expect.arrayContaining((await readJson('vcsim-status.json')) as object[]));
  // The trace is older than the probe for NFC.
  expect(states.unanswered).toEqual(['POST RetrieveInternalContent']);
});

test.concurrent('a fault in a trace is replayed to its error message', async () => {
  await using scratch = await ScratchFolder.make();
  const trace = join(scratch.path, 'trace');
  await cp(join(TRACES, 'test-server-export'), trace, { recursive: true });
  const manifest = join(trace, 'trace.jsonl');
  const lines = (await readFile(manifest, 'utf8')).split('\n');
  const answer = lines.map((line): string | undefined => /"(\d+-ExportVm\.answer\.xml)"/.exec(line)?.[1]).find(Boolean);
  const fault = `<detail><InvalidStateFault xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="InvalidState"/></detail>`;
  await writeFile(
    join(trace, answer ?? ''),
    `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>ServerFaultCode</faultcode><faultstring>The disk chain of web is inconsistent</faultstring>${fault}</e:Fault></e:Body></e:Envelope>`,
  );
  const changed = lines.map((line) =>
    line.includes('"method":"ExportVm"') ? line.replace('"status":200', '"status":500') : line,
  );
  await writeFile(manifest, changed.join('\n'));
  await using server = await startReplayServer(trace, { bodies: await bodies() });
  const env = environmentOf(server, join(scratch.path, 'state'));
  const run = await runProgram(['export', 'web', '-o', 'out', '--retries', '0'], { env, cwd: scratch.path });
  expect(run.exitCode).toBe(12);
  expect(run.stderr).toContain('ExportVm failed with InvalidState: The disk chain of web is inconsistent.');
});

test.concurrent('a trace of another version, and one with a body that was cut, are refused', async () => {
  await using scratch = await ScratchFolder.make();
  const manifest = join(scratch.path, 'trace.jsonl');
  await writeFile(manifest, '{"format":"hyper2kvm-trace","version":2}\n');
  await expect(startReplayServer(scratch.path)).rejects.toThrow(/holds no trace of version 1/);
  const call = { kind: 'call', url: 'https://vc/sdk', method: 'Login', answer: { file: 'a.xml', bytes: 9, cutTo: 5 } };
  await writeFile(manifest, `{"format":"hyper2kvm-trace","version":1}\n${JSON.stringify(call)}\n`);
  await expect(startReplayServer(scratch.path)).rejects.toThrow(/a\.xml was cut/);
});
