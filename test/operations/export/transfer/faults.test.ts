import { describe, expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../../src/base/errors.ts';
import { emptyContent, mixedContent, randomContent } from '../../../server/content-source.ts';
import type { TestServerOptions } from '../../../server/options.ts';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';

const MiB = 1024 * 1024;

const VM = {
  name: 'web',
  nvram: Buffer.alloc(8684, 'nvram'),
  disks: [
    { content: mixedContent(6 * MiB + 512, 'mixed') },
    { content: randomContent(2 * MiB, 'random') },
    { content: emptyContent(3 * MiB) },
  ],
} as const;

/** For a fault that stalls, so that it is met soon; 'sent nothing for 1 seconds' tells of it. */
const limitFor = (fault: ScriptedFault) =>
  'action' in fault && fault.action === 'stall' ? { firstByteTimeoutMs: 1000, stallTimeoutMs: 1000 } : {};

const WHOLE = ['web-disk-1.vmdk', 'web-disk-2.vmdk', 'web-disk-3.vmdk', 'web.mf', 'web.nvram', 'web.ovf'];

function serve(options: TestServerOptions = {}) {
  return startTestServer({ vms: [VM], ...options });
}

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

  test.each(passing)('%s', async (_title, fault) => {
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
      { kind: 'transfer', message: /could not be fetched in all 3 attempts/ },
    ],
    [
      'stall',
      { on: 'disk', action: 'stall', afterBytes: 0 },
      { kind: 'transfer', message: /sent nothing for 1 seconds/ },
    ],
    ['503', { on: 'disk', action: 'status', status: 503 }, { kind: 'transfer', message: /HTTP status 503/ }],
    ['empty', { on: 'disk', action: 'empty' }, { kind: 'transfer', message: /web\S+ could not be fetched/ }],
    ['403', { on: 'disk', action: 'status', status: 403 }, { kind: 'transfer', message: /HTTP status 403/ }],
    [
      'wrong certificate',
      { on: 'lease', action: 'wrong-thumbprint' },
      { kind: 'tls-trust', message: /is not the one whose thumbprint is pinned/ },
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

  test.each(staying)('%s', async (_title, fault, { kind, message }) => {
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

test.each([
  ['wrong-hash', 'ovf', undefined],
  ['wrong-size', 'ova', undefined],
  ['wrong-hash', 'qcow2', 'fast'],
] as const)(
  'a disk that arrives twice alike is accepted with a warning against a manifest with a %s (%s)',
  async (action, format, compression) => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'manifest', action, target: 'disk-1.vmdk', times: 100 });
    const { error, result } = await runExport(server, scratch, { format, compression, retries: 5 });
    expect(error).toBeUndefined();
    expect(result?.state).toBe('done');
    expect(result?.exported[0]?.warnings).toEqual([
      expect.stringMatching(/^web-disk-2\.\w+ is not what the server says .* web-disk-2\.\w+ is accepted\.$/),
    ]);
    expect(server.state().diskRequests['disk-1.vmdk']).toBe(2);
  },
);

/** Asked for the manifest while files are under way, the server has no entry of the disk: that comes, wrong, when all of the lease has been read. */
function addLateMismatch(server: TestServer, action: 'wrong-hash' | 'wrong-size'): void {
  server.faults.add({ on: 'manifest', action: 'no-entry', target: 'disk-1.vmdk', times: 3 });
  server.faults.add({ on: 'manifest', action, target: 'disk-1.vmdk', times: 100 });
}

test.each([
  ['wrong-hash', 'ovf', undefined],
  ['wrong-size', 'ova', undefined],
  ['wrong-hash', 'qcow2', undefined],
  ['wrong-size', 'qcow2', 'fast'],
] as const)(
  'a disk is fetched twice, and accepted with a warning, when a %s comes with the end of the lease (%s, compression %s)',
  async (action, format, compression) => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    addLateMismatch(server, action);
    const { error, result } = await runExport(server, scratch, { format, compression, retries: 5, parallel: 1 });
    expect(error).toBeUndefined();
    expect(result?.state).toBe('done');
    expect(result?.exported[0]?.warnings).toEqual([
      expect.stringMatching(/^web-disk-2\.\w+ is not what the server says .* web-disk-2\.\w+ is accepted\.$/),
    ]);
    expect(server.state().diskRequests).toMatchObject({ 'disk-0.vmdk': 1, 'disk-1.vmdk': 2, 'disk-2.vmdk': 1 });
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

test.each([
  ['arrives otherwise the second time', 5, /^web-disk-2\.vmdk arrived with other content when it was fetched again\.$/],
  [
    'may not be fetched again',
    0,
    /^web-disk-2\.vmdk could not be fetched in the only attempt: .* is not what the server/,
  ],
])('a disk that the last manifest disagrees with and that %s is left to no later run', async (_, retries, message) => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  addLateMismatch(server, 'wrong-hash');
  server.faults.add({ on: 'disk', action: 'flip-bit', atByte: 500_000, target: 'disk-1.vmdk', skip: 1 });
  const { error } = await runExport(server, scratch, { retries, parallel: 1 });
  expect(error).toMatchObject({ kind: 'transfer', message: expect.stringMatching(message) });
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  const before = server.state().diskRequests['disk-1.vmdk'] ?? 0;
  server.faults.clear();
  const again = await runExport(server, scratch, { parallel: 1 });
  expect(again.result?.exported[0]).toMatchObject({
    keptDisks: expect.arrayContaining(['web-disk-1.vmdk', 'web-disk-3.vmdk']),
    warnings: [],
  });
  expect(server.state().diskRequests).toMatchObject({ 'disk-0.vmdk': 1, 'disk-1.vmdk': before + 1, 'disk-2.vmdk': 1 });
});

test('a disk that arrives differently each time is not accepted against its manifest', async () => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'manifest', action: 'wrong-hash', target: 'disk-1.vmdk', times: 100 });
  for (const atByte of [500_000, 600_000, 700_000])
    server.faults.add({ on: 'disk', action: 'flip-bit', atByte, target: 'disk-1.vmdk' });
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({ kind: 'transfer', message: expect.stringMatching(/is not what the server says/) });
  expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
});

describe('the limits of a download', () => {
  test('a host that reads over zeros before its first byte has longer than one that has begun', async () => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'late', ms: 4000, target: 'disk-2.vmdk' });
    const { error } = await runExport(server, scratch, { retries: 0, stallTimeoutMs: 1000, parallel: 1 });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
  });

  test('a host that does not begin within its limit is told apart from one that stalls', async () => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'stall', afterBytes: 0 });
    const { error } = await runExport(server, scratch, { retries: 0, firstByteTimeoutMs: 1000 });
    expect(error).toMatchObject({
      kind: 'transfer',
      cause: { hint: expect.stringContaining('--first-byte-timeout') },
    });
  });

  test('a stream that is silent for less than its limit goes on', async () => {
    await using server = await serve();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'disk', action: 'silence', afterBytes: 200_000, ms: 3000, target: 'disk-1.vmdk' });
    const { error } = await runExport(server, scratch, { retries: 0, firstByteTimeoutMs: 15_000 });
    expect(error).toBeUndefined();
    expect(server.faults.pending).toEqual([]);
  });
});

test('devices that an OVF cannot describe are warnings beside the descriptor', async () => {
  await using server = await serve({ vms: [{ ...VM, passthrough: true }], passthroughErrors: true });
  await using scratch = await ScratchFolder.make();
  const { error, result } = await runExport(server, scratch);
  expect(error).toBeUndefined();
  expect(result?.exported[0]?.warnings).toContainEqual(expect.stringContaining('OvfUnsupportedDeviceExport'));
  expect(await scratch.files()).toEqual(WHOLE);
});

test('a missing image of a CD drive is reported with its name and what to do', async () => {
  await using server = await serve({ vms: [{ ...VM, iso: '[datastore1] gone.iso', isoMissing: true }] });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({
    kind: 'transfer',
    message: expect.stringMatching(/FileNotFound.*\[datastore1\] gone\.iso/),
    hint: expect.stringContaining('CD/DVD drive'),
  });
});

test.each([
  ['RestrictedVersion', 'licence'],
  ['MethodDisabled', 'backup'],
])('%s comes with a hint at its cause', async (fault, hint) => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'ExportVm', action: 'soap-fault', fault });
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({ kind: 'transfer', hint: expect.stringContaining(hint) });
});

test('a suspended VM is refused with what works for it', async () => {
  await using server = await serve({ vms: [{ ...VM, powerState: 'suspended' }] });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch);
  expect(error).toMatchObject({ kind: 'usage', hint: expect.stringMatching(/^Resume the VM/) });
});

test('a process that was held up itself for longer than the stall limit goes on with its downloads', async () => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  let isHeldUp = false;
  const { error } = await runExport(server, scratch, {
    retries: 0,
    firstByteTimeoutMs: 1500,
    stallTimeoutMs: 1500,
    onEvent: ({ type }) => {
      if (type !== 'disk-progress' || isHeldUp) return;
      isHeldUp = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);
    },
  });
  expect({ error, isHeldUp }).toEqual({ error: undefined, isHeldUp: true });
  expect(await scratch.files()).toEqual(WHOLE);
});

test('a targetId that climbs out of the folder names no file', async () => {
  await using server = await serve();
  await using scratch = await ScratchFolder.make();
  server.faults.add({ on: 'lease', action: 'target-id', disk: 'disk-0.vmdk', targetId: '../../x' });
  const { error } = await runExport(server, scratch);
  expect(error).toBeUndefined();
  expect(await scratch.files()).toEqual(WHOLE);
});

test('a server that goes away for good is told, with what is left on it', async () => {
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
  // The next run finds the name of the snapshot there, and removes it.
  expect(await scratch.files()).toEqual(['.web.hyper2kvm-snapshots']);
});
