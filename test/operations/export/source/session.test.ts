import { describe, expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { mixedContent, randomContent } from '../../../server/content-source.ts';
import type { TestServerOptions } from '../../../server/options.ts';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { connectionTo, exportWith, leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';

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
    // A lease that ends with its session needs a second attempt, which is another test's.
    await using server = await startTestServer({ vms: [VM], leasesEndWithSession: false });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on, action: 'session-expired', skip: on === 'RetrievePropertiesEx' ? 1 : 0 });
    const { error, events } = await runExport(server, scratch, { retries: 0 });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
    expect(events.filter((event) => event.type === 'warning')).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

describe.each(['missing-set', 'nothing'] as const)('a lost session that shows as %s in property reads', (shows) => {
  const unkind = { propertiesWithoutSession: shows, leasesEndWithSession: true, cookie: 'login' } as const;
  const logins = (server: TestServer) => server.state().calls.filter(({ method }) => method === 'Login').length;

  test.concurrent.each([0, 1, 2, 3])('is opened again when %i reads were answered before', async (skip) => {
    await using server = await startTestServer({ vms: [VM], ...unkind });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'RetrievePropertiesEx', action: 'session-expired', skip });
    const { error } = await runExport(server, scratch);
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
    expect(logins(server)).toBe(2);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });

  test.concurrent('is opened again while a task runs', async () => {
    await using server = await startTestServer({ vms: [{ ...VM, powerState: 'poweredOn' }], ...unkind });
    await using scratch = await ScratchFolder.make();
    const { error } = await runExport(server, scratch, {
      retries: 0,
      power: { kind: 'snapshot', quiesce: false },
      onEvent: (event) => {
        if (event.type !== 'step' || event.step !== 'snapshot') return;
        server.faults.add({ on: 'RetrievePropertiesEx', action: 'session-expired' });
      },
    });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
    expect(logins(server)).toBe(2);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });

  test.concurrent('is opened again while the lease initializes, which ends with it, and in a download', async () => {
    await using server = await startTestServer({ vms: [VM], leaseTimeoutSeconds: 9, ...unkind });
    await using scratch = await ScratchFolder.make();
    let ended = 0;
    const { error } = await runExport(server, scratch, {
      onEvent: (event) => {
        const isAt = event.type === 'disk-progress' || (event.type === 'step' && event.step === 'lease');
        if (!isAt || ended > 1) return;
        ended += 1;
        if (event.type === 'disk-progress') server.endSessions();
        else server.faults.add({ on: 'RetrievePropertiesEx', action: 'session-expired' });
      },
    });
    expect(error).toBeUndefined();
    expect(await scratch.files()).toEqual(WHOLE);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });

  test.concurrent('is opened again in the middle of an inventory, which is read anew', async () => {
    const vms = ['a', 'b', 'c'].map((name) => ({ ...VM, name }));
    await using server = await startTestServer({ vms, pageSize: 2, ...unkind });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'ContinueRetrievePropertiesEx', action: 'session-expired', skip: 1 });
    const { error, result } = await runExport(server, scratch, { vms: ['*'], retries: 0 });
    expect(error).toBeUndefined();
    expect(result?.exported).toHaveLength(3);
    expect(logins(server)).toBe(2);
  });

  test.concurrent('is opened again for a later VM of the run', async () => {
    const vms = ['a', 'b'].map((name) => ({ ...VM, name }));
    await using server = await startTestServer({ vms, ...unkind });
    await using scratch = await ScratchFolder.make();
    const { error, result } = await runExport(server, scratch, {
      vms: ['a', 'b'],
      retries: 0,
      onEvent: ({ type }) => {
        if (type === 'vm-finished') server.endSessions();
      },
    });
    expect(error).toBeUndefined();
    expect(result?.exported).toHaveLength(2);
  });

  test.concurrent('is not suspected when there is nothing to read', async () => {
    await using server = await startTestServer({ vms: [], ...unkind });
    await using scratch = await ScratchFolder.make();
    const { result } = await runExport(server, scratch, { vms: ['web'] });
    expect(result?.failed[0]?.error.kind).toBe('not-found');
    expect(logins(server)).toBe(1);
  });
});

describe.each(['Timedout', 'InvalidState', 'ManagedObjectNotFound'])('%s as answer to a renewal', (fault) => {
  test.concurrent('means that the lease is gone: what is missing is fetched under a new one', async () => {
    await using server = await startTestServer({ vms: [VM], leaseTimeoutSeconds: 6 });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'HttpNfcLeaseProgress', action: 'soap-fault', fault });
    server.faults.add({ on: 'disk', action: 'stall', afterBytes: 100_000, target: 'disk-1.vmdk' });
    const { error, events } = await runExport(server, scratch);
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
    expect(events.some((event) => event.type === 'disk-retry' && event.reason.includes('ended the export lease'))).toBe(
      true,
    );
    expect(server.state().leases.map(({ outcome }) => outcome)).toEqual(['aborted', 'completed']);
    expect(await scratch.files()).toEqual(WHOLE);
  });
});

test.concurrent.each(['InvalidArgument', 'NoPermission', 'InvalidState', 'SystemError'])(
  'a server that answers the request for SHA-256 with %s gives SHA-1',
  async (fault) => {
    await using server = await startTestServer({ vms: [VM], manifest: 'sha1' });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'HttpNfcLeaseSetManifestChecksumType', action: 'soap-fault', fault });
    const { error } = await runExport(server, scratch, { retries: 0 });
    expect(error).toBeUndefined();
    expect(await scratch.files()).toEqual(WHOLE);
  },
);

describe('a busy gateway and a connection that is reset', () => {
  const once: ScriptedFault['on'][] = [
    'RetrieveServiceContent',
    'Login',
    'CreateContainerView',
    'RetrievePropertiesEx',
    'ContinueRetrievePropertiesEx',
    'HasPrivilegeOnEntities',
    'HttpNfcLeaseSetManifestChecksumType',
    'HttpNfcLeaseGetManifest',
    'CreateDescriptor',
  ];
  test.concurrent.each(once)('are outlived by %s, which only reads', async (on) => {
    await using server = await startTestServer({ vms: [VM], pageSize: 2 });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on, action: 'status', status: 503 } as ScriptedFault);
    server.faults.add({ on, action: 'reset' } as ScriptedFault);
    const { error, events } = await runExport(server, scratch, { retries: 0 });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
    expect(events.filter((event) => event.type === 'warning')).toEqual([]);
    expect(await scratch.files()).toEqual(WHOLE);
  });

  test.concurrent('end after some tries when they stay', async () => {
    await using server = await startTestServer({ vms: [VM] });
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'RetrieveServiceContent', action: 'status', status: 503, times: 100 });
    const { thrown } = await runExport(server, scratch);
    expect(thrown).toMatchObject({ kind: 'transfer', message: expect.stringMatching(/HTTP status 503/) });
    expect(server.state().calls.filter(({ method }) => method === 'RetrieveServiceContent')).toHaveLength(5);
  });

  test.concurrent.each(['status', 'reset'] as const)('(%s) repeat no call that changes something', async (action) => {
    await using server = await startTestServer({ vms: [{ ...VM, powerState: 'poweredOn' }] });
    await using scratch = await ScratchFolder.make();
    const fault = action === 'status' ? { action, status: 503 } : { action };
    server.faults.add({ on: 'CreateSnapshot_Task', ...fault });
    const { error } = await runExport(server, scratch, { power: { kind: 'snapshot', quiesce: false } });
    expect(error).toMatchObject({ kind: 'transfer' });
    expect(server.state().calls.filter(({ method }) => method === 'CreateSnapshot_Task')).toHaveLength(1);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

test.concurrent('an account that may not read the second page gets the inventory without pages', async () => {
  const vms = ['a', 'b', 'c'].map((name) => ({ ...VM, name }));
  await using server = await startTestServer({ vms, pageSize: 2, pagingDenied: true });
  await using scratch = await ScratchFolder.make();
  const { error, result } = await runExport(server, scratch, { vms: ['*'] });
  expect(error).toBeUndefined();
  expect(result?.exported).toHaveLength(3);
});

test.concurrent('an account that may not read the inventory without pages either learns which role helps', async () => {
  await using server = await startTestServer({ vms: [VM], pageSize: 2, pagingDenied: true });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'RetrieveProperties', action: 'soap-fault', fault: 'NoPermission' });
  const { thrown } = await runExport(server, scratch);
  expect(thrown).toMatchObject({
    kind: 'authentication',
    hint: expect.stringContaining('"Read-only" on the root folder'),
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
      'a server that does not know what is asked',
      { on: 'CreateContainerView', action: 'status', status: 501 },
      { kind: 'transfer', message: expect.stringMatching(/HTTP status 501/) },
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

test.concurrent('a thumbprint of an unknown kind is ignored, and the certificate beside it counts', async () => {
  const versions = ['9.0.0.0', '8.0.3.0'];
  await using server = await startTestServer({ vms: [VM], thumbprint: 'unknown', versions });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch);
  expect(error).toBeUndefined();
});

test.concurrent('a thumbprint of an unknown kind alone leaves the decision to the authorities', async () => {
  await using server = await startTestServer({ vms: [VM], thumbprint: 'unknown', sslCertificate: false });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch, { retries: 0 });
  expect(error).toMatchObject({ kind: 'tls-trust', message: expect.stringMatching(/is not trusted/) });
});

describe('VMs that an extension manages', () => {
  const vms = [VM, { ...VM, name: 'vCLS-1', managedBy: { extensionKey: 'com.vmware.vim.eam', type: 'cluster-agent' } }];

  test.concurrent('are skipped by a pattern, which says so', async () => {
    await using server = await startTestServer({ vms });
    await using scratch = await ScratchFolder.make();
    const { error, result, events } = await runExport(server, scratch, { vms: ['*'] });
    expect(error).toBeUndefined();
    expect(result?.exported.map(({ vm }) => vm)).toEqual(['web']);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'step', step: 'find', detail: expect.stringContaining('vCLS-1') }),
    );
  });

  test.concurrent('are named when a pattern matches nothing else, and found by their name', async () => {
    await using server = await startTestServer({ vms });
    await using scratch = await ScratchFolder.make();
    const pattern = await runExport(server, scratch, { vms: ['vCLS*'] });
    expect(pattern.error).toMatchObject({ kind: 'not-found', message: expect.stringContaining('com.vmware.vim.eam') });
    const named = await runExport(server, scratch, { vms: ['vCLS-1'] });
    expect(named.error).toMatchObject({ faultType: 'MethodDisabled' });
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
  await using server = await startTestServer({ vms: [VM], thumbprint: 'none', sslCertificate: false });
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
