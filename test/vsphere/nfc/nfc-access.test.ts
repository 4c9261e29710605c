import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { NfcAccess } from '../../../src/vsphere/nfc/nfc-access.ts';
import type { NfcDisk } from '../../../src/vsphere/nfc/nfc-disk.ts';
import { NfcHostError, NfcUnavailableError } from '../../../src/vsphere/nfc/nfc-error.ts';
import type { WireNfc, WireObserver } from '../../../src/vsphere/connection/wire-observer.ts';
import { thumbprintOf } from '../../server/certificate.ts';
import { startSoapServer, type SoapAnswer } from '../soap-server.ts';
import {
  fragment,
  GREETING,
  packZeroRuns,
  PEER_CAPACITY,
  PEER_CERTIFICATE,
  readOf,
  refuse,
  startNfcPeer,
  type PeerOptions,
  type PeerRequest,
} from './nfc-peer.ts';

const VM = { type: 'VirtualMachine', value: 'vm-1' };
const PATH = '[ds 1] wéb/web-000001.vmdk';
const CONTENT = contentOf('disk');
const signal = new AbortController().signal;

/** Bytes that do not repeat, with holes. */
function contentOf(seed: string): Buffer {
  const bytes = Buffer.alloc(PEER_CAPACITY);
  for (let at = 0; at < bytes.length; at += 32) {
    if (Math.floor(at / 40_000) % 3 !== 0) createHash('sha256').update(`${seed}${at}`).digest().copy(bytes, at);
  }
  return bytes;
}

const ticketXml = (port: number, rest = ''): SoapAnswer => ({
  content:
    `<returnval><host>127.0.0.1</host><port>${port}</port>` +
    `<sslThumbprint>${thumbprintOf(PEER_CERTIFICATE.certificatePem, 'sha1')}</sslThumbprint>` +
    `<service>vpxa-nfc</service><serviceVersion>1.1</serviceVersion><sessionId>52-secret-ticket</sessionId>${rest}</returnval>`,
});

interface Scene extends AsyncDisposable {
  access: NfcAccess;
  seen: readonly (string | number)[];
  connections: () => number;
  observed: WireNfc[];
}

async function scene(
  peerOptions: PeerOptions = {},
  answers: (method: string, port: number) => SoapAnswer | undefined = () => undefined,
  options: ConstructorParameters<typeof NfcAccess>[1] = {},
): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const peer = stack.use(await startNfcPeer({ content: CONTENT, ...peerOptions }));
  const observed: WireNfc[] = [];
  const observer: WireObserver = {
    mask: (text) => text,
    onCall: () => {},
    onDownload: () => {},
    onRetry: () => {},
    onNfc: (connection) => void observed.push(connection),
  };
  const soap = stack.use(
    await startSoapServer((method) => {
      const answer = answers(method, peer.port);
      if (answer) return answer;
      if (method === 'RetrieveInternalContent') {
        return { content: '<returnval><nfcService type="NfcService">nfcService</nfcService></returnval>' };
      }
      return ticketXml(peer.port);
    }, observer),
  );
  return {
    access: new NfcAccess(soap.client, options),
    seen: peer.seen,
    connections: () => peer.connections(),
    observed,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function readAll(disk: NfcDisk, from = 0, to = disk.capacityBytes): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  await disk.read(from, bytes, signal);
  return bytes;
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('opens a disk of the ticket, reads it, and closes all', async () => {
  await using made = await scene();
  {
    await using disk = await made.access.openDisk(VM, PATH, signal);
    expect(disk.capacityBytes).toBe(PEER_CAPACITY);
    expect((await readAll(disk)).equals(CONTENT)).toBe(true);
    expect((await readAll(disk, 700, 70_001)).equals(CONTENT.subarray(700, 70_001))).toBe(true);
  }
  expect(made.seen.slice(0, 4)).toEqual([
    'SESSION 52-secret-ticket',
    'BANNER ',
    expect.stringMatching(/^THUMBPRINT_SHA2 [\w+/]{16}$/),
    'PROXY vpxa-nfcssl',
  ]);
  expect(made.seen.slice(4, 14)).toEqual([43, 33, 51, 54, 55, 52, 2, 9, 22, 4]);
  while (made.connections() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(made.seen.slice(-3)).toEqual([5, 3, 'end']);
  expect(made.observed).toMatchObject([
    { file: PATH, version: 9, contentBytes: PEER_CAPACITY + 69_632, failure: undefined },
  ]);
  expect(JSON.stringify(made.observed)).not.toContain('secret');
});

test('a host that answers 36 only after 51 is not waited for', async () => {
  await using made = await scene({ lateHello: true });
  await using disk = await made.access.openDisk(VM, PATH, signal);
  expect((await readAll(disk, 0, 512)).equals(CONTENT.subarray(0, 512))).toBe(true);
});

describe('fragments', () => {
  const halves = (length: number): [number, number][] => [
    [Math.floor(length / 2), length],
    [0, Math.floor(length / 2)],
  ];
  const styles: [string, (request: PeerRequest, place: number, bytes: Buffer) => void][] = [
    ['stored', (request, place, bytes) => fragment(request, place, bytes)],
    ['stored with the code of zero runs', (request, place, bytes) => fragment(request, place, bytes, { packing: 3 })],
    [
      'as zero runs',
      (request, place, bytes) => {
        const extra = packZeroRuns(bytes);
        if (extra.length >= bytes.length) fragment(request, place, bytes, { packing: 3 });
        else fragment(request, place, bytes, { packing: 3, extra });
      },
    ],
  ];
  test.each(styles)('%s, in reverse, and mixed with those of other reads', async (_title, send) => {
    const waiting: (() => void)[] = [];
    await using made = await scene({
      onFrame: (request) => {
        if (request.type !== 7) return false;
        const { offset, length } = readOf(request);
        for (const [from, to] of halves(length)) {
          waiting.push(() => send(request, from, CONTENT.subarray(offset + from, offset + to)));
        }
        // All four requests of the disk: the last fragments first, in turns.
        if (waiting.length === 8) waiting.toReversed().forEach((answer, index) => setTimeout(answer, index % 3));
        return true;
      },
    });
    await using disk = await made.access.openDisk(VM, PATH, signal);
    expect((await readAll(disk)).equals(CONTENT)).toBe(true);
  });

  test('of an all-zero read are 8 bytes', async () => {
    await using made = await scene({
      onFrame: (request) => {
        if (request.type !== 7) return false;
        const bytes = Buffer.alloc(readOf(request).length);
        fragment(request, 0, bytes, { packing: 3, extra: packZeroRuns(bytes) });
        return true;
      },
    });
    await using disk = await made.access.openDisk(VM, PATH, signal);
    const target = Buffer.alloc(PEER_CAPACITY, 1);
    await disk.read(0, target, signal);
    expect(target.equals(Buffer.alloc(PEER_CAPACITY))).toBe(true);
    await disk[Symbol.asyncDispose]();
    expect(made.observed[0]?.receivedBytes).toBeLessThan(2000);
  });

  const zeros = Buffer.alloc(1024);
  const words = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
  const lies: [string, (request: PeerRequest) => void][] = [
    ['two for one place', (request) => [0, 512].forEach((place) => fragment(request, place, zeros))],
    ['one after the end', (request) => fragment(request, 3584, zeros)],
    ['one without length', (request) => fragment(request, 0, Buffer.alloc(0))],
    [
      'one of another read',
      (request) => fragment(request, 0, zeros, { change: (body) => body.writeUInt32LE(512, 16) }),
    ],
    [
      'one with another total',
      (request) => fragment(request, 0, zeros, { change: (body) => body.writeUInt32LE(512, 24) }),
    ],
    ['one that is zlib', (request) => fragment(request, 0, zeros, { packing: 1, extra: zeros.subarray(0, 9) })],
    ['one longer than it says', (request) => fragment(request, 0, zeros, { extra: Buffer.alloc(2048) })],
    [
      'one with 4 GiB',
      (request) => fragment(request, 0, zeros, { change: (body) => body.writeUInt32LE(0xffff_ffff, 36) }),
    ],
    ['a bad status', (request) => fragment(request, 0, zeros, { change: (body) => body.writeUInt32LE(1, 0) })],
    ['a short head', (request) => request.answer(Buffer.alloc(40))],
    ['bytes that are no frame', (request) => request.raw(Buffer.alloc(64, 0x55))],
    ...(
      [
        ['another total', words(1023, 0)],
        ['a range after the end', words(1024, 0, 1020, 8, 1, 1)],
        ['a range without bytes', words(1024, 0, 0, 0)],
        ['ranges out of order', words(1024, 0, 512, 4, 1, 0, 4, 1)],
        ['a range that is cut off', words(1024, 0, 0, 64, 1)],
        ['half a range', words(1024, 0, 5)],
      ] satisfies [string, Buffer][]
    ).map(([title, extra]): [string, (request: PeerRequest) => void] => [
      `zero runs with ${title}`,
      (request) => fragment(request, 0, zeros, { packing: 3, extra }),
    ]),
  ];
  test.each(lies)('that lie (%s) end the connection', async (_title, lie) => {
    await using made = await scene({
      onFrame: (request) => {
        if (request.type !== 7) return false;
        lie(request);
        return true;
      },
    });
    await using disk = await made.access.openDisk(VM, PATH, signal);
    const error = await failureOf(disk.read(0, Buffer.alloc(4096), signal));
    expect(error).toBeInstanceOf(NfcUnavailableError);
    expect(await failureOf(disk.read(0, Buffer.alloc(4096), signal))).toBe(error);
  });
});

describe('what is not available here', () => {
  const cases: [string, string, PeerOptions, ((method: string, port: number) => SoapAnswer | undefined)?][] = [
    [
      'a server without the method',
      'does not know the method RetrieveInternalContent',
      {},
      (method) => (method === 'RetrieveInternalContent' ? { fault: 'MethodNotFound' } : undefined),
    ],
    [
      'a server without the service',
      'has no NFC service',
      {},
      (method) => (method === 'RetrieveInternalContent' ? { content: '<returnval/>' } : undefined),
    ],
    [
      'an account without the privilege',
      'the account may not call NfcGetVmFiles',
      {},
      (method) => (method === 'NfcGetVmFiles' ? { fault: 'NoPermission' } : undefined),
    ],
    [
      'a ticket with a line feed in it',
      'sent a ticket that is not usable',
      {},
      (method) =>
        method === 'NfcGetVmFiles'
          ? { content: '<returnval><service>nfc</service><sessionId>a&#10;b</sessionId></returnval>' }
          : undefined,
    ],
    [
      'a port that refuses',
      'cannot be reached (ECONNREFUSED)',
      {},
      (method) => (method === 'NfcGetVmFiles' ? ticketXml(1) : undefined),
    ],
    [
      'a host without TLS for NFC',
      'does not offer NFC over TLS',
      { greeting: GREETING.replace(', NFCSSL supported/t', '') },
    ],
    [
      'something else on the port',
      'a greeting that is not of an authentication daemon',
      { greeting: 'SSH-2.0-OpenSSH_9' },
    ],
    ['a spent ticket', 'refused the ticket ("530 Login incorrect.")', { session: '530 Login incorrect.' }],
    ['a service that is refused', 'refused the service', { proxy: '502 Unknown service' }],
    ['version 2', 'has version 2 of the NFC library, and version 3 is required', { version: 2 }],
    [
      'a file that is in use',
      'cannot be opened in multiwriter mode',
      {
        onFrame: (request) => {
          if (request.type !== 4) return false;
          refuse(request, 16_392, 'The file cannot be opened in multiwriter mode.');
          request.answer(Buffer.alloc(60));
          return true;
        },
      },
    ],
    ['a disk without sectors', 'a disk of 0 bytes', { capacityBytes: 0 }],
    ['a disk of 16 EiB', 'a disk of 18', { capacityBytes: Number(2n ** 63n) * 1.99 }],
  ];
  test.each(cases)('%s', async (...[, reason, options, answers]) => {
    await using made = await scene(options, answers);
    const error = await failureOf(made.access.openDisk(VM, PATH, signal));
    expect(error).toBeInstanceOf(NfcUnavailableError);
    expect(error).toMatchObject({ reason: expect.stringContaining(reason), retryable: false });
    expect(JSON.stringify([(error as Error).message, made.observed])).not.toContain('secret-ticket');
  });

  test.each(['first', 'second'] as const)('a wrong certificate in the %s TLS session', async (wrongCertificate) => {
    await using made = await scene({ wrongCertificate });
    const error = await failureOf(made.access.openDisk(VM, PATH, signal));
    expect(error).toMatchObject({ kind: 'tls-trust' });
    // With a wrong certificate, the ticket is not sent, and no NFC message either.
    expect(made.seen).toHaveLength(wrongCertificate === 'first' ? 0 : 4);
  });

  test('a daemon that names another certificate', async () => {
    await using made = await scene({ thumbprint: `200 ${'00:'.repeat(31)}00` });
    expect(await failureOf(made.access.openDisk(VM, PATH, signal))).toMatchObject({ kind: 'tls-trust' });
  });

  test('a host without SHA-256 is asked for no thumbprint and gets no tag', async () => {
    await using made = await scene({ greeting: GREETING.replace(', SHA256 supported', '') });
    await using disk = await made.access.openDisk(VM, PATH, signal);
    expect(disk.capacityBytes).toBe(PEER_CAPACITY);
    expect(made.seen).not.toContain(43);
    expect(made.seen[2]).toBe('PROXY vpxa-nfcssl');
  });
});

describe('a connection', () => {
  test('that breaks fails its reads with a retryable error, and a new one goes on', async () => {
    let isBroken = false;
    await using made = await scene({
      onFrame: (request) => {
        if (request.type !== 7 || isBroken) return false;
        isBroken = true;
        fragment(request, 0, Buffer.alloc(512));
        throw new Error('cut');
      },
    });
    await using disk = await made.access.openDisk(VM, PATH, signal);
    expect(await failureOf(readAll(disk))).toMatchObject({ kind: 'transfer', retryable: true });
    await using again = await made.access.openDisk(VM, PATH, signal);
    expect((await readAll(again)).equals(CONTENT)).toBe(true);
  });

  test('that is silent during a read fails, and one that is idle does not', async () => {
    let isSilent = false;
    await using made = await scene({ onFrame: ({ type }) => type === 7 && isSilent }, undefined, {
      readTimeoutMs: 300,
    });
    await using disk = await made.access.openDisk(VM, PATH, signal);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await readAll(disk, 0, 512);
    isSilent = true;
    expect(await failureOf(readAll(disk, 0, 512))).toMatchObject({
      retryable: true,
      message: expect.stringContaining('was silent'),
    });
  });

  test('survives a read that is aborted, whose target stays as it was', async () => {
    const late: (() => void)[] = [];
    await using made = await scene({
      onFrame: (request) => {
        if (request.type !== 7 || late.length > 0) return false;
        late.push(() => fragment(request, 0, Buffer.alloc(4096, 7)));
        return true;
      },
    });
    await using disk = await made.access.openDisk(VM, PATH, signal);
    const ending = new AbortController();
    const target = Buffer.alloc(4096, 1);
    const reading = disk.read(0, target, ending.signal);
    while (late.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    ending.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    late[0]?.();
    expect((await readAll(disk)).equals(CONTENT)).toBe(true);
    expect(target.equals(Buffer.alloc(4096, 1))).toBe(true);
  });

  test('with error 5 halves what the host gets at once, and says that a retry can help', async () => {
    await using made = await scene({
      onFrame: (request) => {
        if (request.type !== 7) return false;
        refuse(request, 5, 'Failed to allocate');
        return true;
      },
    });
    await using disk = await made.access.openDisk(VM, PATH, signal);
    const error = await failureOf(readAll(disk));
    expect(error).toBeInstanceOf(NfcHostError);
    expect(error).toMatchObject({ retryable: true, code: 5 });
  });
});

test('keeps many requests in flight, but never more than the depth, and no read over 1 MiB', async () => {
  let most = 0;
  const waiting: (() => void)[] = [];
  const lengths = new Set<number>();
  await using made = await scene(
    {
      onFrame: (request) => {
        if (request.type !== 7) return false;
        const { offset, length } = readOf(request);
        lengths.add(length);
        waiting.push(() => fragment(request, 0, CONTENT.subarray(offset, offset + length)));
        most = Math.max(most, waiting.length);
        setTimeout(() => waiting.shift()?.(), 20);
        return true;
      },
    },
    undefined,
    { depth: 3 },
  );
  await using disk = await made.access.openDisk(VM, PATH, signal);
  const ranges = Array.from({ length: 12 }, (_, index) => ({ offsetBytes: index * 65_536, lengthBytes: 32_768 }));
  const all = [...ranges, { offsetBytes: 1024 * 1024, lengthBytes: 2 * 1024 * 1024 }];
  const result = Buffer.alloc(PEER_CAPACITY);
  const offsets: number[] = [];
  for await (const { offsetBytes, bytes } of disk.readRanges(all, signal)) {
    result.set(bytes, offsetBytes);
    offsets.push(offsetBytes);
  }
  expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
  for (const { offsetBytes: from, lengthBytes } of all) {
    expect(result.subarray(from, from + lengthBytes).equals(CONTENT.subarray(from, from + lengthBytes))).toBe(true);
  }
  expect(most).toBe(3);
  expect(Math.max(...lengths)).toBe(1024 * 1024);
});

test('the allocation map covers the disk, with its tail', async () => {
  await using made = await scene({
    onFrame: (request) => {
      if (request.type !== 13) return false;
      const count = Number(request.payload.readBigUInt64LE(32));
      expect(count).toBe(48);
      const body = Buffer.alloc(48);
      body.writeBigUInt64LE(BigInt(count), 32);
      request.answer(body, Buffer.from([0b0000_0110, 0, 0, 0, 0, 0b1000_0000, 0xff, 0xff]));
      return true;
    },
  });
  await using disk = await made.access.openDisk(VM, PATH, signal);
  const areas = [];
  for await (const area of disk.allocatedBlocks(signal)) areas.push(area);
  expect(areas).toEqual([
    { offsetBytes: 65_536, lengthBytes: 2 * 65_536 },
    { offsetBytes: 47 * 65_536, lengthBytes: 65_536 + 512 },
  ]);
});
