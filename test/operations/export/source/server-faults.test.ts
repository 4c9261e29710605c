import { describe, expect, test } from '@jest/globals';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';
import { VM, WHOLE } from './small-web.ts';

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
