import { describe, expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { startTestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export-run.ts';
import { VM, WHOLE } from './small-web.ts';

describe.each(['Timedout', 'InvalidState', 'ManagedObjectNotFound'])('%s as answer to a renewal', (fault) => {
  test.concurrent('means that the lease is gone: what is missing is fetched under a new one', async () => {
    await using server = await startTestServer({ vms: [VM], leaseTimeoutSeconds: 12 });
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

test.concurrent('a lease whose time is short is renewed while a disk comes slowly', async () => {
  await using server = await startTestServer({ vms: [VM], leaseTimeoutSeconds: 12 });
  await using scratch = await ScratchFolder.make();
  const renewed = Promise.withResolvers<void>();
  server.faults.add({ on: 'disk', action: 'hold', until: renewed.promise, target: 'disk-1.vmdk' });
  server.faults.add({ on: 'HttpNfcLeaseProgress', action: 'reset' });
  const over = new AbortController();
  const exporting = runExport(server, scratch, { retries: 0, stallTimeoutMs: 100_000 }).finally(() => over.abort());
  // By the third renewal, the initial lease timeout has passed.
  while (!over.signal.aborted && (server.state().leases[0]?.progressCalls ?? 0) < 3) await pause(100);
  renewed.resolve();
  const { error } = await exporting;
  expect(error).toBeUndefined();
  expect(server.faults.pending).toEqual([]);
  expect(server.state().leases).toMatchObject([{ outcome: 'completed' }]);
});
