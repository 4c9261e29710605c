import { expect, test } from '@jest/globals';
import { pooledContent } from '../../../server/content-source.ts';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export-run.ts';

const MiB = 2 ** 20;
const VMS = ['a', 'b', 'c'];
const DISKS = [1, 2].map((number) => ({ content: pooledContent(12 * MiB, `budget ${number}`) }));

/** All VMs are on one host. It answers late, so that its clients ask for as much as they may. */
async function served(...faults: ScriptedFault[]): Promise<TestServer> {
  const server = await startTestServer({ nfc: {}, vms: VMS.map((name) => ({ name, disks: DISKS })) });
  server.faults.add({ on: 'ExportVm', action: 'soap-fault', fault: 'NotSupported', times: 9 });
  for (const fault of faults) server.faults.add(fault);
  server.faults.add({ on: 'nfc', action: 'late', ms: 60, times: 10_000 });
  return server;
}

const SHARED = { vms: VMS, jobs: 3, parallel: 2, format: 'raw', transport: 'nfc', nfcDepth: 32 } as const;

test('all disks and VMs of a run have at most 32 MiB in flight on a host', async () => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  const { error, result } = await runExport(server, scratch, SHARED);
  expect(error).toBeUndefined();
  expect(result?.exported).toHaveLength(3);
  const { peakBytesInFlight = 0, connections = [] } = server.state().nfc ?? {};
  // Six disks want more than that together, and each of them at most half of it.
  expect(peakBytesInFlight).toBeGreaterThan(24 * MiB);
  expect(peakBytesInFlight).toBeLessThanOrEqual(32 * MiB);
  expect(Math.max(...connections.map(({ peakBytes }) => peakBytes))).toBeLessThanOrEqual(16 * MiB);
});

test('after error 5 it is half of that, however many reads the error has ended', async () => {
  // It comes during the comparison with the lease, before the disks are read.
  await using server = await served({ on: 'nfc', action: 'busy', inFlight: 3 });
  await using scratch = await ScratchFolder.make();
  const { error, events } = await runExport(server, scratch, { ...SHARED, retries: 3 });
  expect(error).toBeUndefined();
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'warning', message: expect.stringContaining('NFC error 5') }),
  );
  const { peakBytesInFlight = 0 } = server.state().nfc ?? {};
  expect(peakBytesInFlight).toBeGreaterThan(12 * MiB);
  expect(peakBytesInFlight).toBeLessThanOrEqual(16 * MiB);
});
