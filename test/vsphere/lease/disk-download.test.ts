import { describe, expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import { InterruptedError } from '../../../src/base/errors.ts';
import { downloadDevice } from '../../../src/vsphere/lease/disk-download.ts';
import { clientOf, drip, flood, startRawServer, startSilentServer, type RawServer } from '../raw-server.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Downloads to the end and returns the number of bytes. */
async function download(server: RawServer, stallTimeoutMs = 60_000, signal = new AbortController().signal) {
  const device = {
    key: '/vm-1/disk',
    url: new URL('/nfc/disk-0.vmdk', server.url),
    sslThumbprint: '',
    isDisk: true,
    isNvram: false,
    targetId: 'disk-0.vmdk',
    fileSizeBytes: 0,
  };
  const limits = { firstByteTimeoutMs: stallTimeoutMs, stallTimeoutMs };
  let bytes = 0;
  for await (const piece of downloadDevice(clientOf(server, 60_000), device, limits, signal)) {
    bytes += piece.length;
  }
  return bytes;
}

test('a download is what the server sent', async () => {
  await using server = await startRawServer((socket) => void socket.end(`${HEAD}5\r\nhello\r\n0\r\n\r\n`));
  expect(await download(server)).toBe(5);
  await server.abandoned();
});

describe('whatever the server does, a download ends within its limit and leaves no connection', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['silence', () => undefined],
    ['a head that drips', (socket) => drip(socket, 20)],
    [
      'a body that drips',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        drip(socket, 20);
      },
    ],
    [
      'the extension of a chunk that drips',
      (socket) => {
        socket.write(`${HEAD}200\r\n${'x'.repeat(512)}\r\n1;`);
        drip(socket, 20);
      },
    ],
  ])('%s', async (_title, answer) => {
    await using server = await startRawServer(answer);
    await expect(download(server, 1500)).rejects.toMatchObject({
      kind: 'transfer',
      retryable: true,
      message: expect.stringMatching(/sent (almost )?nothing for 2 seconds/),
    });
    await server.abandoned();
  });

  test('no TLS at all', async () => {
    await using server = await startSilentServer();
    await expect(download(server, 1500)).rejects.toMatchObject({ kind: 'transfer', retryable: true });
    await server.abandoned();
  });

  test('and with its signal, also while it connects', async () => {
    await using server = await startSilentServer();
    const root = new AbortController();
    const ended = expect(download(server, 600_000, root.signal)).rejects.toThrow(InterruptedError);
    await server.connected();
    root.abort(new InterruptedError('SIGTERM'));
    await ended;
    await server.abandoned();
  });
});

test.each<[string, (socket: Socket) => void | Promise<void>, RegExp]>([
  ['interim answers without end', (socket) => flood(socket, 'HTTP/1.1 100 Continue\r\n\r\n'), /interim responses/],
  [
    'a compressed body',
    (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nabc'),
    /content coding "gzip" was not asked for/,
  ],
])('%s are refused by their name', async (_title, answer, message) => {
  await using server = await startRawServer(answer);
  await expect(download(server)).rejects.toMatchObject({ kind: 'transfer', message: expect.stringMatching(message) });
  await server.abandoned();
});
