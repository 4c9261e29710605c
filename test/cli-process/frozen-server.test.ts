import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { randomContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { startSilentServer } from '../vsphere/raw-server.ts';
import { startFreezingProxy } from './freezing-proxy.ts';
import { environmentOf, runProgram, startProgram } from './program.ts';

const VM = { name: 'web', powerState: 'poweredOn', disks: [{ content: randomContent(4 << 20, 'web') }] } as const;
/** Three calls are tried three times each, with a timeout that is long enough for a successful call on a busy machine. */
const LIMIT_MS = 300_000;
const LEFT = [/The export lease on web is still open/, /The snapshot \S+ of web is still on/, /The session of \S+ on/];

async function environmentOfSilent(url: URL, scratch: ScratchFolder): Promise<NodeJS.ProcessEnv> {
  await using server = await startTestServer({});
  return { ...environmentOf(server, join(scratch.path, 'state')), HYPER2KVM_URL: url.href };
}

test.concurrent('a server that accepts connections and never speaks TLS ends a command within --timeout', async () => {
  await using silent = await startSilentServer();
  await using scratch = await ScratchFolder.make();
  const env = await environmentOfSilent(silent.url, scratch);
  const run = await runProgram(['list', '--timeout', '3s'], { env, cwd: scratch.path });
  expect(run.stderr).toContain('did not respond in time');
  expect(run).toMatchObject({ exitCode: 12, endedBy: null });
});

test.concurrent('SIGTERM ends a command that waits for such a server', async () => {
  await using silent = await startSilentServer();
  await using scratch = await ScratchFolder.make();
  const env = await environmentOfSilent(silent.url, scratch);
  const { child, over } = startProgram(['list', '--timeout', '10m'], { env, cwd: scratch.path });
  await silent.connected();
  child.kill('SIGTERM');
  expect(await over).toMatchObject({ exitCode: 143, endedBy: null });
});

test.concurrent.each([
  ['ends within its limits', undefined, 12],
  ['ends with SIGTERM too', 'SIGTERM', 143],
] as const)(
  'an export from a server that freezes in the middle of a disk %s, and reports what is left',
  async (_title, signal, exitCode) => {
    await using server = await startTestServer({ vms: [VM], diskHost: '*' });
    await using proxy = await startFreezingProxy(server.url);
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'drip', bytesPerSecond: 20_000, times: 100 });
    const env = { ...environmentOf(server, join(scratch.path, 'state')), HYPER2KVM_URL: proxy.url.href };
    // The proxy may hold back even the first bytes of the disk.
    const silence = signal === undefined ? '6s' : '10m';
    const limits = ['--timeout', '6s', '--first-byte-timeout', silence, '--stall-timeout', silence, '--retries', '0'];
    const args = ['export', 'web', '--snapshot', '-o', scratch.output, '--json', ...limits];
    const { child, over } = startProgram(args, { env, cwd: scratch.path });
    const ended = new AbortController();
    void over.then(() => ended.abort());
    while (!ended.signal.aborted && !server.state().downloads.some(({ sentBytes }) => sentBytes > 0)) await pause(20);
    proxy.freeze();
    if (signal !== undefined) child.kill(signal);
    const run = await over;
    expect(run).toMatchObject({ exitCode, endedBy: null });
    for (const words of LEFT) expect(run.stdout + run.stderr).toMatch(words);
  },
  LIMIT_MS,
);
