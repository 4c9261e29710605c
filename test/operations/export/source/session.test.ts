import { describe, expect, test } from '@jest/globals';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { connectionTo, exportWith, leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';
import { VM, WHOLE } from './small-web.ts';

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
    // If the lease ended with its session, a second attempt would be needed. Another test covers that.
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

describe('what ends an export before it begins', () => {
  /** Timeout of every call, for the cases in which one stalls. */
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
      { kind: 'transfer', message: expect.stringMatching(/did not respond in time/) },
    ],
    [
      'an answer that is empty',
      { on: 'RetrieveServiceContent', action: 'empty' },
      { kind: 'transfer', message: expect.stringMatching(/not usable XML/) },
    ],
    [
      'a server that does not know what is asked',
      { on: 'CreateContainerView', action: 'status', status: 501 },
      { kind: 'transfer', message: expect.stringMatching(/HTTP status 501/) },
    ],
    [
      'a call that stalls',
      { on: 'CreateContainerView', action: 'stall' },
      { kind: 'transfer', message: expect.stringMatching(/did not respond in time/) },
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
    // The call is made only once.
    expect(server.state().calls.filter(({ method }) => method === fault.on)).toHaveLength(1);
    expect(server.state().calls.filter(({ method }) => method === 'Login').length).toBeLessThan(2);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});
