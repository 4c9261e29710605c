import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { connect } from 'node:tls';
import { mixedContent } from './content-source.ts';
import type { TestServerOptions } from './options.ts';
import { deep, RawClient } from './raw-client.ts';
import type { DiskFault } from './scripted-faults.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const VM = 'VirtualMachine:vm-1';
const DISK = 'disk-0.vmdk';

describe('a disk', () => {
  const BROKEN: [DiskFault, Partial<Record<'status' | 'length' | 'broke', unknown>>][] = [
    [
      { action: 'cut', afterBytes: 100_000 },
      { status: 200, length: 100_000, broke: 'ECONNRESET' },
    ],
    [
      { action: 'cut', afterBytes: 0 },
      { length: 0, broke: 'ECONNRESET' },
    ],
    [{ action: 'reset', afterBytes: 100_000 }, { broke: 'ECONNRESET' }],
    [
      { action: 'truncate', afterBytes: 100_000 },
      { status: 200, length: 100_000, broke: '' },
    ],
    [
      { action: 'status', status: 503 },
      { status: 503, length: 0, broke: '' },
    ],
    [{ action: 'empty' }, { status: 200, length: 0, broke: '' }],
    [
      { action: 'lease-expires', afterBytes: 100_000 },
      { length: 100_000, broke: 'ECONNRESET' },
    ],
    [
      { action: 'go-away', afterBytes: 100_000 },
      { length: 100_000, broke: 'ECONNRESET' },
    ],
  ];

  test.each(BROKEN)('goes wrong once with %j', async (fault, seen) => {
    await using scene = await open();
    const { client, server } = scene;
    server.faults.add({ on: 'disk', target: DISK, ...fault });
    const { urls } = await client.openLease(VM);
    const { status, bytes, broke } = await client.download(urls.get(DISK));
    expect({ status, length: bytes.length, broke }).toMatchObject(seen);
    expect(server.state().downloads).toMatchObject([{ targetId: DISK, outcome: fault.action }]);
    expect(server.faults.pending).toEqual([]);
  });

  test.each([
    ['cut', ''],
    ['reset', 'ECONNRESET'],
  ] as const)('that is %s ends its TCP connection with error "%s"', async (action, code) => {
    await using scene = await open();
    scene.server.faults.add({ on: 'disk', action, afterBytes: 100_000 });
    const { urls } = await scene.client.openLease(VM);
    const url = new URL(urls.get(DISK) ?? '');
    const socket = connect({ host: url.hostname, port: Number(url.port), rejectUnauthorized: false });
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    socket.on('close', () => resolve(''));
    socket.resume().write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
    expect(await promise).toBe(code);
  });

  test('comes whole after its faults are used up, and the others come whole all the time', async () => {
    await using scene = await open();
    const { client, server } = scene;
    server.faults.add({ on: 'disk', target: DISK, times: 2, action: 'empty' });
    const { urls } = await client.openLease(VM);
    const sizes: number[] = [];
    for (let round = 0; round < 3; round += 1) sizes.push((await client.download(urls.get(DISK))).bytes.length);
    expect(sizes[0]).toBe(0);
    expect(sizes[1]).toBe(0);
    expect(sizes[2]).toBeGreaterThan(64 * 1024);
    expect(server.state().diskRequests).toEqual({ [DISK]: 3 });
  });

  test('can have a flipped bit that the manifest does not know of', async () => {
    await using scene = await open();
    const { client, server } = scene;
    server.faults.add({ on: 'disk', action: 'flip-bit', atByte: 70_000 });
    const { lease, urls } = await client.openLease(VM);
    const bad = await client.download(urls.get(DISK));
    const [entry] = (await client.call('HttpNfcLeaseGetManifest', lease)).returned;
    const good = await client.download(urls.get(DISK));
    expect(bad.bytes.length).toBe(good.bytes.length);
    expect(bad.bytes.readUInt8(70_000) ^ good.bytes.readUInt8(70_000)).toBe(1);
    expect(entry?.children.map((child) => child.text)).toContain(createHash('sha1').update(good.bytes).digest('hex'));
  });

  test('can stall until the client hangs up', async () => {
    await using scene = await open();
    scene.server.faults.add({ on: 'disk', action: 'stall', afterBytes: 100_000 });
    const { urls } = await scene.client.openLease(VM);
    const stop = new AbortController();
    const onBytes = (total: number): void => {
      // Time for data that the server might still send by mistake.
      if (total === 100_000) setTimeout(() => stop.abort(), 300);
    };
    const { bytes, broke } = await scene.client.download(urls.get(DISK), { signal: stop.signal, onBytes });
    expect(bytes.length).toBe(100_000);
    expect(broke).not.toBe('');
  });

  test('can drip', async () => {
    await using scene = await open();
    scene.server.faults.add({ on: 'disk', action: 'drip', bytesPerSecond: 100_000 });
    const { urls } = await scene.client.openLease(VM);
    const stop = new AbortController();
    const start = performance.now();
    const onBytes = (total: number): void => {
      if (total > 60_000) stop.abort();
    };
    const { bytes } = await scene.client.download(urls.get(DISK), { signal: stop.signal, onBytes });
    // Six pauses of at least 100 ms. A busy machine only makes them longer.
    expect(performance.now() - start).toBeGreaterThan(500);
    expect(bytes.length).toBeLessThan(200_000);
  });
});

describe('a lease', () => {
  test('can fail while it is made, and tells why', async () => {
    await using scene = await open();
    const cause = { type: 'FileLocked', message: 'someone holds it' };
    scene.server.faults.add({ on: 'lease', action: 'initialize-error', fault: 'CannotAccessFile', cause });
    const opened = await scene.client.call('ExportVm', VM);
    const lease = `HttpNfcLease:${opened.returned[0]?.text}`;
    expect(await scene.client.waitFor(lease, 'state', 'ready', 'error')).toBe('error');
    const error = (await scene.client.properties(lease, 'error')).get('error');
    expect(error?.children.map((child) => child.xsiType ?? child.text)[0]).toBe('CannotAccessFile');
    expect(error === undefined ? [] : deep(error, 'localizedMessage').map((each) => each.text)).toContain(
      cause.message,
    );
    expect(scene.server.state()).toMatchObject({ leases: [{ outcome: 'failed' }], vms: { vm: { locked: false } } });
  });

  test('can name a hostile target', async () => {
    await using scene = await open();
    scene.server.faults.add({ on: 'lease', action: 'target-id', disk: DISK, targetId: '../../x' });
    const { urls } = await scene.client.openLease(VM);
    expect((await scene.client.download(urls.get('../../x'))).bytes.toString('latin1', 0, 4)).toBe('KDMV');
  });

  test('can tell a thumbprint that is not that of the host', async () => {
    await using scene = await open();
    const { client } = scene;
    scene.server.faults.add({ on: 'lease', action: 'wrong-thumbprint' });
    const wrong = await client.openLease(VM);
    await client.call('HttpNfcLeaseAbort', wrong.lease);
    const right = await client.openLease(VM);
    const [bad, good] = [wrong, right].map(({ info }) => deep(info, 'sslThumbprint')[0]?.text);
    expect(bad).toMatch(/^[01:]+$/);
    expect(good).not.toBe(bad);
  });
});

test.each([
  [{ action: 'wrong-hash' }, 'sha1'],
  [{ action: 'wrong-size' }, 'size'],
] as const)('a manifest can lie with %j', async (fault, name) => {
  await using scene = await open();
  scene.server.faults.add({ on: 'manifest', target: DISK, ...fault });
  const { lease, urls } = await scene.client.openLease(VM);
  await scene.client.download(urls.get(DISK));
  const read = async () => {
    const [entry] = (await scene.client.call('HttpNfcLeaseGetManifest', lease)).returned;
    return entry?.children.find((child) => child.name === name)?.text;
  };
  expect(await read()).not.toBe(await read());
});

describe('a SOAP call', () => {
  test('can fault with a cause, for one VM only', async () => {
    await using scene = await open();
    const cause = { type: 'SystemError', message: 'deep down' };
    scene.server.faults.add({ on: 'ExportVm', target: 'other', action: 'soap-fault', fault: 'NotSupported' });
    scene.server.faults.add({ on: 'ExportVm', target: 'vm', action: 'soap-fault', fault: 'NotSupported', cause });
    const answer = await scene.client.call('ExportVm', VM);
    expect(answer).toMatchObject({ status: 500, fault: 'NotSupported' });
    expect(deep({ ...NOTHING, children: answer.returned }, 'localizedMessage')[0]?.text).toBe('deep down');
    expect(scene.server.faults.pending).toHaveLength(1);
  });

  test('can find its session expired, until the next login', async () => {
    await using scene = await open({ leasesEndWithSession: false });
    const { client, server } = scene;
    server.faults.add({ on: 'HttpNfcLeaseProgress', skip: 1, action: 'session-expired' });
    const { lease } = await client.openLease(VM);
    const progress = () => client.call('HttpNfcLeaseProgress', lease, '<percent>1</percent>');
    expect((await progress()).fault).toBe('');
    expect((await progress()).fault).toBe('NotAuthenticated');
    expect((await progress()).fault).toBe('NotAuthenticated');
    await client.login();
    expect((await progress()).fault).toBe('');
  });

  test.each([
    [{ action: 'reset' }, false],
    [{ action: 'lose-answer' }, true],
  ] as const)('can lose its connection with %j', async (fault, done) => {
    await using scene = await open();
    scene.server.faults.add({ on: 'PowerOnVM_Task', ...fault });
    await expect(scene.client.call('PowerOnVM_Task', VM)).rejects.toThrow(/ECONNRESET|hang up/);
    if (done) await scene.client.waitFor(VM, 'runtime.powerState', 'poweredOn');
    expect(scene.server.state().vms['vm']?.powerState).toBe(done ? 'poweredOn' : 'poweredOff');
  });

  test('can be answered by a web server that is out of order', async () => {
    await using scene = await open();
    scene.server.faults.add({ on: 'CurrentTime', action: 'status', status: 503 });
    const answer = await scene.client.call('CurrentTime', 'ServiceInstance:ServiceInstance');
    expect(answer.status).toBe(503);
  });

  test('can be the last one that the server takes, until it comes back', async () => {
    await using scene = await open();
    const { client, server } = scene;
    server.faults.add({ on: 'CurrentTime', action: 'go-away' });
    const call = () => client.call('CurrentTime', 'ServiceInstance:ServiceInstance');
    await expect(call()).rejects.toThrow(/ECONNRESET|hang up/);
    await expect(call()).rejects.toThrow('ECONNREFUSED');
    await server.comeBack();
    expect((await call()).status).toBe(200);
  });

  test('CreateDescriptor can have remarks', async () => {
    await using scene = await open();
    scene.server.faults.add({ on: 'CreateDescriptor', action: 'remarks', warnings: ['w'], errors: ['e'] });
    const args = '<obj type="VirtualMachine">vm-1</obj><cdp/>';
    const { returned } = await scene.client.call('CreateDescriptor', 'OvfManager:OvfManager', args);
    expect(deep({ ...NOTHING, children: returned }, 'localizedMessage').map((each) => each.text)).toEqual(['e', 'w']);
  });
});

const NOTHING = { name: '', type: undefined, xsiType: undefined, children: [], text: '' };

async function open(
  options: TestServerOptions = {},
): Promise<{ server: TestServer; client: RawClient } & AsyncDisposable> {
  const disks = [{ content: mixedContent(4 << 20, 'vm') }, { content: mixedContent(1 << 20, 'second') }];
  const server = await startTestServer({ ...options, vms: [{ name: 'vm', moRef: 'vm-1', disks }] });
  const client = new RawClient(server);
  await client.login();
  return { server, client, [Symbol.asyncDispose]: () => server.close() };
}
