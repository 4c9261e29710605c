import { describe, expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../../src/base/errors.ts';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';
import { serve, VM, WHOLE } from './served-web.ts';

/** Timeout for a fault that stalls. Short, but longer than a busy machine may delay a server that also serves concurrent exports. */
const STALL_MS = 6000;
const limitFor = (fault: ScriptedFault) =>
  'action' in fault && fault.action === 'stall' ? { firstByteTimeoutMs: STALL_MS, stallTimeoutMs: STALL_MS } : {};

describe('a fault that passes is outlived: the export is whole in the end', () => {
  const passing: [string, ScriptedFault][] = [
    ['a line that is cut', { on: 'disk', action: 'cut', afterBytes: 300_000, target: 'disk-1.vmdk' }],
    ['a line that is reset', { on: 'disk', action: 'reset', afterBytes: 100_000 }],
    ['a line that stalls', { on: 'disk', action: 'stall', afterBytes: 200_000 }],
    ['a body that ends too early in good order', { on: 'disk', action: 'truncate', afterBytes: 70_000 }],
    ['a host that is busy', { on: 'disk', action: 'status', status: 503, times: 2 }],
    ['an empty answer', { on: 'disk', action: 'empty', target: 'disk-1.vmdk' }],
    ['a bit that flips on the way', { on: 'disk', action: 'flip-bit', atByte: 500_000, target: 'disk-1.vmdk' }],
    ['a wrong hash in the manifest', { on: 'manifest', action: 'wrong-hash', target: 'disk-1.vmdk' }],
    ['a wrong size in the manifest', { on: 'manifest', action: 'wrong-size', target: 'disk-1.vmdk' }],
    [
      'a lease that expires mid-way',
      { on: 'disk', action: 'lease-expires', afterBytes: 200_000, target: 'disk-1.vmdk' },
    ],
    ['a session that expires', { on: 'HttpNfcLeaseGetManifest', action: 'session-expired' }],
    ['a lease that fails to initialize once', { on: 'lease', action: 'initialize-error', fault: 'HostCommunication' }],
  ];

  test.concurrent.each(passing)('%s', async (_title, fault) => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add(fault);
    const { error } = await runExport(server, scratch, limitFor(fault));
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
    expect(await scratch.files()).toEqual(WHOLE);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

describe('a fault that stays ends in one sentence, with nothing left', () => {
  const staying: [string, ScriptedFault, { kind: string; message: RegExp }][] = [
    [
      'cut',
      { on: 'disk', action: 'cut', afterBytes: 300_000 },
      { kind: 'transfer', message: /could not be downloaded in all 3 attempts/ },
    ],
    [
      'stall',
      { on: 'disk', action: 'stall', afterBytes: 0 },
      { kind: 'transfer', message: /sent nothing for 6 seconds/ },
    ],
    ['503', { on: 'disk', action: 'status', status: 503 }, { kind: 'transfer', message: /HTTP status 503/ }],
    ['empty', { on: 'disk', action: 'empty' }, { kind: 'transfer', message: /web\S+ could not be downloaded/ }],
    ['403', { on: 'disk', action: 'status', status: 403 }, { kind: 'transfer', message: /HTTP status 403/ }],
    [
      'wrong certificate',
      { on: 'lease', action: 'wrong-thumbprint' },
      { kind: 'tls-trust', message: /does not match the pinned thumbprint/ },
    ],
    [
      'lease error',
      { on: 'lease', action: 'initialize-error', fault: 'FileLocked', message: 'locked' },
      { kind: 'transfer', message: /FileLocked: locked/ },
    ],
    [
      'no permission',
      { on: 'ExportVm', action: 'soap-fault', fault: 'NoPermission' },
      { kind: 'authentication', message: /NoPermission/ },
    ],
  ];

  test.concurrent.each(staying)('%s', async (_title, fault, { kind, message }) => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ ...fault, times: 100 } as ScriptedFault);
    const { error, result } = await runExport(server, scratch, limitFor(fault));
    expect(error).toBeInstanceOf(Hyper2kvmError);
    expect(error).toMatchObject({ kind, message: expect.stringMatching(message) });
    expect(result?.state).toBe('failed');
    expect((await scratch.files()).filter((name) => WHOLE.includes(name))).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

test.concurrent('devices that an OVF cannot describe are warnings beside the descriptor', async () => {
  await using server = await serve({ vms: [{ ...VM, passthrough: true }], passthroughErrors: true });
  await using scratch = await ScratchFolder.make();
  const { error, result } = await runExport(server, scratch);
  expect(error).toBeUndefined();
  expect(result?.exported[0]?.warnings).toContainEqual(expect.stringContaining('OvfUnsupportedDeviceExport'));
  expect(await scratch.files()).toEqual(WHOLE);
});

test.concurrent('a missing image of a CD drive is reported with its name and what to do', async () => {
  await using server = await serve({ vms: [{ ...VM, iso: '[datastore1] gone.iso', isoMissing: true }] });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({
    kind: 'transfer',
    message: expect.stringMatching(/FileNotFound.*\[datastore1\] gone\.iso/),
    hint: expect.stringContaining('CD/DVD drive'),
  });
});

test.concurrent.each([
  ['RestrictedVersion', 'license'],
  ['MethodDisabled', 'backup'],
])('%s comes with a hint at its cause', async (fault, hint) => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'ExportVm', action: 'soap-fault', fault });
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({ kind: 'transfer', hint: expect.stringContaining(hint) });
});

test.concurrent('a suspended VM is refused with what works for it', async () => {
  await using server = await serve({ vms: [{ ...VM, powerState: 'suspended' }] });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({ kind: 'usage', hint: expect.stringMatching(/^Resume the VM/) });
});

test.concurrent('a targetId that climbs out of the folder names no file', async () => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'lease', action: 'target-id', disk: 'disk-0.vmdk', targetId: '../../x' });
  const { error } = await runExport(server, scratch);
  expect(error).toBeUndefined();
  expect(await scratch.files()).toEqual(WHOLE);
});

test.concurrent('a server that goes away for good is told, with what is left on it', async () => {
  await using server = await serve({ vms: [{ ...VM, powerState: 'poweredOn' }] });
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'disk', action: 'go-away', afterBytes: 100_000 });
  const { result, events, error, thrown } = await runExport(server, scratch, {
    power: { kind: 'snapshot', quiesce: false },
    retries: 1,
  });
  expect(thrown).toBeUndefined();
  expect(error).toMatchObject({ kind: 'transfer' });
  expect(result?.failed[0]?.leftBehind).toEqual([
    expect.stringMatching(/^The export lease on web is still open/),
    expect.stringMatching(/^The snapshot hyper2kvm-export-\S+ of web is still on/),
  ]);
  const warnings = events.filter((event) => event.type === 'warning').map((event) => event.message);
  expect(warnings.some((message) => message.startsWith('The session of'))).toBe(true);
  // The next run reads the snapshot's name from this file and removes the snapshot.
  expect(await scratch.files()).toEqual(['.web.hyper2kvm-snapshots']);
});
