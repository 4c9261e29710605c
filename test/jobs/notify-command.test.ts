import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobRecord } from '../../src/jobs/job-record.ts';
import { runNotifyCommand } from '../../src/jobs/notify-command.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';

const RECORD: JobRecord = {
  id: '20261122T140102Z-export-1a2b3c4d',
  kind: 'export',
  state: 'partial',
  request: { server: 'vc.example.com:443', vms: ['web'], format: 'ovf', output: '.' },
  startedAt: '2026-11-22T14:01:02.000Z',
  endedAt: '2026-11-22T14:02:02.000Z',
  process: { pid: 1, hostname: 'host', startTicks: null, bootId: null },
  transferredBytes: 1,
  files: [],
  vms: [],
};
const ENV = { PATH: process.env['PATH'] };

function notify(command: string, { limitMs = 20_000, env = ENV as NodeJS.ProcessEnv, record = RECORD } = {}) {
  return runNotifyCommand(record, { command, limitMs }, env);
}

/** Whether a process with this command line is running. */
async function isRunning(pid: string): Promise<boolean> {
  const state = await readFile(`/proc/${pid.trim()}/stat`, 'utf8').catch(() => '');
  return state !== '' && !state.includes(') Z ');
}

test('the record is on standard input, and its state in the environment', async () => {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'got');
  expect(
    await notify(`cat > '${path}'; echo "$HYPER2KVM_JOB_ID $HYPER2KVM_JOB_STATE" > '${path}.env'`),
  ).toBeUndefined();
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ schemaVersion: 1, ...RECORD });
  expect(await readFile(`${path}.env`, 'utf8')).toBe(`${RECORD.id} partial\n`);
});

test('a record that is longer than a pipe arrives whole', async () => {
  await using scratch = await ScratchFolder.make();
  const files = Array.from({ length: 5000 }, (_, i) => ({ path: `/srv/vms/web-${i}.vmdk`, sizeBytes: i }));
  const path = join(scratch.path, 'got');
  expect(await notify(`sleep 0.2; cat > '${path}'`, { record: { ...RECORD, files } })).toBeUndefined();
  expect(JSON.parse(await readFile(path, 'utf8')).files).toHaveLength(5000);
});

test('no password is in the environment, also none in a URL', async () => {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'env');
  const env = {
    ...ENV,
    HYPER2KVM_PASSWORD: 'geheim',
    GOVC_PASSWORD: 'geheim',
    GOVC_URL: 'https://joe:geheim@vc.example.com',
    HYPER2KVM_URL: 'https://vc.example.com',
    MAIL_TO: 'ops',
  };
  await notify(`env > '${path}'`, { env });
  const text = await readFile(path, 'utf8');
  expect(text).not.toContain('geheim');
  expect(text).toContain('MAIL_TO=ops');
  expect(text).toContain('HYPER2KVM_URL=https://vc.example.com');
});

test('a failure is one sentence with the last words of the command, and without the command', async () => {
  expect(await notify('echo first >&2; echo "no route to mail." >&2; exit 3 # token-123')).toBe(
    'The notify command ended with exit code 3: no route to mail.',
  );
  expect(await notify('exit 1')).toBe('The notify command ended with exit code 1.');
  expect(await notify('kill -9 $$')).toBe('The notify command was ended by SIGKILL.');
  expect(await notify('a\0b')).toMatch(/^The notify command could not be started: /);
  expect(await notify('yes "x y z" | head -c 3000000 >&2; exit 2')).toBe(
    'The notify command ended with exit code 2: x y z.',
  );
});

test('a command that does not read, or that leaves a process behind, is over when it ends', async () => {
  const files = Array.from({ length: 5000 }, (_, i) => ({ path: `/srv/vms/web-${i}.vmdk`, sizeBytes: i }));
  expect(await notify('exit 0', { record: { ...RECORD, files } })).toBeUndefined();
  await using scratch = await ScratchFolder.make();
  const pid = join(scratch.path, 'pid');
  expect(await notify(`sleep 600 & echo $! > '${pid}'; exit 4`)).toBe('The notify command ended with exit code 4.');
  process.kill(Number(await readFile(pid, 'utf8')));
});

test.each(['', "trap '' TERM;"])('a command that hangs is ended with all that it started (%s)', async (before) => {
  await using scratch = await ScratchFolder.make();
  const pid = join(scratch.path, 'pid');
  const command = `${before} sleep 600 & echo $! > '${pid}'; wait; wait; wait`;
  expect(await notify(command, { limitMs: 4000 })).toBe('The notify command did not finish within 4s and was stopped.');
  const started = await readFile(pid, 'utf8');
  while (await isRunning(started)) await delay(50);
});
