import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { InterruptedError } from '../../../src/base/errors.ts';
import type { HttpAnswer } from '../../../src/vsphere/soap/http-transport.ts';
import { isPassingFailure } from '../../../src/vsphere/session/passing-failure.ts';
import { clientOf, drip, flood, startRawServer, startSilentServer, type RawServer } from '../raw-server.ts';

const MiB = 1024 * 1024;

function send(server: RawServer, timeoutMs = 60_000, signal = new AbortController().signal): Promise<HttpAnswer> {
  const { http } = clientOf(server, timeoutMs);
  return http.send({ url: server.url, headers: { soapaction: 'urn:vim25/8.0' }, body: '<a/>', timeoutMs, signal });
}

/** Returns the error of a call. */
function errorOf(server: RawServer): Promise<unknown> {
  return send(server).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('an answer is read to its end', () => {
  test.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'],
    ['up to the end of the connection', 'HTTP/1.0 200 OK\r\n\r\nhello'],
    ['after interim answers', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ])('%s', async (_title, text) => {
    await using server = await startRawServer((socket) => void socket.end(text));
    expect(await send(server)).toMatchObject({ status: 200, body: 'hello' });
    await server.abandoned();
  });

  test('with all its cookies, and whatever its status', async () => {
    const text =
      'HTTP/1.1 500 Error\r\nSet-Cookie: a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT\r\nSet-Cookie: b="2"\r\nContent-Length: 0\r\n\r\n';
    await using server = await startRawServer((socket) => void socket.end(text));
    const { status, setCookies } = await send(server);
    expect({ status, setCookies }).toEqual({
      status: 500,
      setCookies: ['a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT', 'b="2"'],
    });
  });
});

describe('whatever the server does, a call ends within its limit and leaves no connection', () => {
  const LIMIT_MS = 1500;

  test.each<[string, (socket: Socket) => void]>([
    ['silence after the handshake', () => undefined],
    [
      'a head that drips',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
        drip(socket, 20);
      },
    ],
    [
      'a body that drips',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        drip(socket, 20);
      },
    ],
  ])('%s', async (_title, answer) => {
    await using server = await startRawServer(answer);
    await expect(send(server, LIMIT_MS)).rejects.toMatchObject({
      kind: 'transfer',
      retryable: true,
      message: expect.stringMatching(/did not respond in time/),
    });
    await server.abandoned();
  });

  test('no TLS at all', async () => {
    await using server = await startSilentServer();
    await expect(send(server, LIMIT_MS)).rejects.toMatchObject({
      kind: 'transfer',
      retryable: true,
      message: expect.stringMatching(/did not respond in time/),
    });
    await server.abandoned();
  });

  test('and with its signal, also while it connects', async () => {
    await using server = await startSilentServer();
    const root = new AbortController();
    const sent = expect(send(server, 600_000, root.signal)).rejects.toThrow(InterruptedError);
    await server.connected();
    root.abort(new InterruptedError('SIGTERM'));
    await sent;
    await server.abandoned();
  });

  test('and with its signal, while it waits for the answer', async () => {
    const root = new AbortController();
    await using server = await startRawServer(() => root.abort(new InterruptedError('SIGTERM')));
    await expect(send(server, 600_000, root.signal)).rejects.toThrow(InterruptedError);
    await server.abandoned();
  });
});

describe('an answer without end is refused', () => {
  test.each<[string, (socket: Socket) => void | Promise<void>, RegExp]>([
    [
      'a gigabyte of body',
      (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MiB}\r\n\r\n`);
        return flood(socket, Buffer.alloc(64 * 1024, 'x'));
      },
      /the response is longer than 64 MiB/,
    ],
    ['interim answers', (socket) => flood(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'), /no end of interim responses/],
    [
      'head lines',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        return flood(socket, 'X: y\r\n');
      },
      /the head of the response is too long/,
    ],
    [
      'a trailer',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n');
        return flood(socket, 'X: y\r\n');
      },
      /the trailer of the response is too long/,
    ],
  ])('%s', async (_title, answer, message) => {
    await using server = await startRawServer(answer);
    await expect(send(server)).rejects.toMatchObject({ kind: 'transfer', message: expect.stringMatching(message) });
    await server.abandoned();
    expect(server.sentBytes).toBeLessThan(128 * MiB);
  });
});

test('an answer that is cut off can be tried again', async () => {
  await using server = await startRawServer(
    (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel'),
  );
  await expect(send(server)).rejects.toMatchObject({
    retryable: true,
    message: expect.stringMatching(/ended before the response was complete/),
  });
});

test.each<[string, (socket: Socket) => void]>([
  ['without an answer', () => undefined],
  ['in the middle of a head', (socket) => void socket.write('HTTP/1.1 200 OK\r\nX: ')],
  [
    'in the middle of a chunk',
    (socket) => void socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab'),
  ],
])(
  'a server that ends the connection %s is told from one that resets it, after which a call is repeated',
  async (_title, answer) => {
    await using ending = await startRawServer((socket) => {
      answer(socket);
      socket.end();
    });
    const ended = await errorOf(ending);
    expect(ended).toMatchObject({ message: expect.stringMatching(/ended before the response was complete/) });
    expect(isPassingFailure(ended)).toBe(false);
    await using resetting = await startRawServer((socket) => {
      answer(socket);
      resetting.reset();
    });
    const reset = await errorOf(resetting);
    expect(reset).toMatchObject({ message: expect.stringMatching(/failed: ECONNRESET/) });
    expect(isPassingFailure(reset)).toBe(true);
  },
);

test('a server that ends the connection before it can be asked has cut it off', async () => {
  await using server = await startRawServer(() => undefined);
  const { http } = clientOf(server, 60_000);
  const connect = http.connector.connect.bind(http.connector);
  http.connector.connect = async (...all) => {
    const socket = await connect(...all);
    const closed = once(socket, 'close');
    socket.resume().end('bye');
    await closed;
    return socket;
  };
  const call = { url: server.url, headers: {}, timeoutMs: 60_000, signal: new AbortController().signal };
  await expect(http.send(call)).rejects.toThrow(/ended before the response was complete/);
});

test.each([
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello'],
  ['a coding of the transfer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['a size of a chunk that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9.6\r\n'],
])('an answer with %s is refused, and the error holds nothing of the request', async (_title, text) => {
  await using server = await startRawServer((socket) => void socket.write(text));
  const error = await errorOf(server);
  expect(error).toMatchObject({ kind: 'transfer', message: expect.stringMatching(/not valid HTTP: /) });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/urn:vim25|<a\/>/);
  await server.abandoned();
});

test('what follows the end of an answer changes nothing', async () => {
  const text = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
  await using server = await startRawServer((socket) => flood(socket, text));
  expect(await send(server)).toMatchObject({ body: 'hello' });
  await server.abandoned();
});

test('a compressed answer, which was not asked for, is refused by its name', async () => {
  const text = 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc';
  await using server = await startRawServer((socket) => void socket.end(text));
  await expect(send(server)).rejects.toMatchObject({
    kind: 'transfer',
    message: expect.stringMatching(/not valid HTTP: content coding "gzip" was not asked for/),
  });
});
