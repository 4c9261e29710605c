import { describe, expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { mixedContent, randomContent } from '../../server/content-source.ts';
import type { TestServerOptions } from '../../server/options.ts';
import type { ScriptedFault } from '../../server/scripted-faults.ts';
import { startTestServer } from '../../server/test-server.ts';
import { connectionTo, exportWith, leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from './export-run.ts';

const VM = {
  name: 'web',
  disks: [{ content: mixedContent(1 << 20, 'web') }, { content: randomContent(1 << 19, 'b') }],
};
const WHOLE = ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web.mf', 'web.ovf'];

test.concurrent('a session that ends while disks come is opened again, and both are closed', async () => {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  let ended = false;
  const { error } = await runExport(server, scratch, {
    onEvent: (event) => {
      if (event.type !== 'disk-progress' || ended) return;
      ended = true;
      server.endSessions();
    },
  });
  expect(error).toBeUndefined();
  expect(ended).toBe(true);
  expect(await scratch.files()).toEqual(WHOLE);
  expect(server.state().calls.filter(({ method }) => method === 'Login')).toHaveLength(2);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

describe('a session that ends before a call is opened again and the call repeated', () => {
  const methods = [
    'RetrievePropertiesEx',
    'ExportVm',
    'HttpNfcLeaseSetManifestChecksumType',
    'HttpNfcLeaseGetManifest',
    'HttpNfcLeaseComplete',
    'CreateDescriptor',
    'Logout',
  ] as const;
  test.concurrent.each(methods)('%s', async (on) => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on, action: 'session-expired', skip: on === 'RetrievePropertiesEx' ? 1 : 0 });
    const { error, events } = await runExport(server, scratch, { retries: 0 });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
    expect(events.filter((event) => event.type === 'warning')).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

describe('what ends an export before it begins', () => {
  /** Of every call, where one stalls. */
  const LIMIT_MS = 8000;
  const cases: [string, ScriptedFault, object][] = [
    [
      'NotAuthenticated on Login itself, which is not tried for ever',
      { on: 'Login', action: 'soap-fault', fault: 'NotAuthenticated' },
      { kind: 'authentication' },
    ],
    [
      'a login that never answers',
      { on: 'Login', action: 'stall' },
      { kind: 'transfer', message: expect.stringMatching(/did not answer in time/) },
    ],
    [
      'an answer that is empty',
      { on: 'RetrieveServiceContent', action: 'empty' },
      { kind: 'transfer', message: expect.stringMatching(/not XML/) },
    ],
    [
      'a server that is starting',
      { on: 'RetrieveServiceContent', action: 'status', status: 503 },
      { kind: 'transfer', message: expect.stringMatching(/HTTP status 503/) },
    ],
    [
      'a call that stalls',
      { on: 'CreateContainerView', action: 'stall' },
      { kind: 'transfer', message: expect.stringMatching(/did not answer in time/) },
    ],
  ];
  test.concurrent.each(cases)('%s', async (_title, fault, expected) => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add(fault);
    const stalls = 'action' in fault && fault.action === 'stall';
    const connection = stalls ? connectionTo(server, LIMIT_MS) : connectionTo(server);
    const { thrown } = await exportWith(connection, scratch, { vms: ['web'] });
    expect(thrown).toMatchObject(expected);
    // It is tried once.
    expect(server.state().calls.filter(({ method }) => method === fault.on)).toHaveLength(1);
    expect(server.state().calls.filter(({ method }) => method === 'Login').length).toBeLessThan(2);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

describe('the session cookie', () => {
  const servers: [string, TestServerOptions, { endpoint: string; cookie: boolean }][] = [
    ['is not sent to the host that a vCenter names', { diskHost: 'esxi' }, { endpoint: 'esxi', cookie: false }],
    ['is sent to the server itself', { diskHost: 'self' }, { endpoint: 'soap', cookie: true }],
    ['is sent where a host names itself "*"', { apiType: 'HostAgent' }, { endpoint: 'soap', cookie: true }],
  ];
  test.concurrent.each(servers)('%s', async (_title, options, expected) => {
    await using server = await startTestServer({ vms: [VM], ...options });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch);
    expect(error).toBeUndefined();
    expect(server.state().downloads).toMatchObject([expected, expected]);
    expect(server.state().downloads.map(({ range }) => range)).toEqual([false, false]);
  });
});

test.concurrent.each(['sha1', 'sha256'] as const)(
  'a host is trusted by the %s that its vCenter vouches for',
  async (thumbprint) => {
    await using server = await startTestServer({ vms: [VM], thumbprint });
    await using scratch = await ScratchFolder.make();
    expect((await runExport(server, scratch)).error).toBeUndefined();
  },
);

test.concurrent('a host that nobody vouches for is not trusted, and gets no request', async () => {
  await using server = await startTestServer({ vms: [VM], thumbprint: 'none' });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({ kind: 'tls-trust', message: expect.stringMatching(/is not trusted/) });
  expect(server.state().downloads).toEqual([]);
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

test.concurrent('a lease whose time is short is renewed while a disk comes slowly', async () => {
  await using server = await startTestServer({ vms: [VM], leaseTimeoutSeconds: 12 });
  await using scratch = await ScratchFolder.make();
  const renewed = Promise.withResolvers<void>();
  server.faults.add({ on: 'disk', action: 'hold', until: renewed.promise, target: 'disk-1.vmdk' });
  server.faults.add({ on: 'HttpNfcLeaseProgress', action: 'reset' });
  const over = new AbortController();
  const exporting = runExport(server, scratch, { retries: 0, stallTimeoutMs: 100_000 }).finally(() => over.abort());
  // The third renewal comes when the first time is over.
  while (!over.signal.aborted && (server.state().leases[0]?.progressCalls ?? 0) < 3) await pause(100);
  renewed.resolve();
  const { error } = await exporting;
  expect(error).toBeUndefined();
  expect(server.faults.pending).toEqual([]);
  expect(server.state().leases).toMatchObject([{ outcome: 'completed' }]);
});
