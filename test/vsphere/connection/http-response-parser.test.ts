import { describe, expect, test } from '@jest/globals';
import { HttpResponseParser, HttpSyntaxError } from '../../../src/vsphere/connection/http-response-parser.ts';

interface Parsed {
  status: number | undefined;
  headers: Record<string, string>;
  body: string;
  done: boolean;
}

/** Parses the pieces, then the end of the connection. */
function parse(pieces: readonly string[]): Parsed {
  const parsed: Parsed = { status: undefined, headers: {}, body: '', done: false };
  const parser = new HttpResponseParser(
    ({ status, headers }) => Object.assign(parsed, { status, headers: Object.fromEntries(headers) }),
    (piece) => (parsed.body += piece.toString('latin1')),
  );
  for (const piece of pieces) parser.feed(Buffer.from(piece, 'latin1'));
  parsed.done = parser.isDone || parser.end();
  return parsed;
}

const CHUNKED =
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n' +
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nX-A: 2\r\n\r\n' +
  '5\r\nhello\r\n1;name="v"\r\n \r\n0006\r\nworld!\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n';

test('a chunked response reads the same in every split in two, and byte by byte', () => {
  const whole = parse([CHUNKED]);
  expect(whole).toEqual({
    status: 200,
    headers: { 'transfer-encoding': 'chunked', 'x-a': '1, 2' },
    body: 'hello world!0123456789',
    done: true,
  });
  for (let at = 1; at < CHUNKED.length; at += 1) {
    expect(parse([CHUNKED.slice(0, at), CHUNKED.slice(at)])).toEqual(whole);
  }
  expect(parse(CHUNKED.split(''))).toEqual(whole);
});

test('a response that is cut anywhere before its end is not whole', () => {
  for (let at = 0; at < CHUNKED.length; at += 1) expect(parse([CHUNKED.slice(0, at)]).done).toBe(false);
});

test('a length counts the body', () => {
  expect(parse(['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel', 'lo'])).toMatchObject({ body: 'hello', done: true });
  expect(parse(['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'])).toMatchObject({ body: 'hell', done: false });
  expect(parse(['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'])).toMatchObject({ body: '', done: true });
});

test('without a length the connection ends the body', () => {
  expect(parse(['HTTP/1.0 200 OK\n\nhel', 'lo'])).toMatchObject({ body: 'hello', done: true });
});

describe('what breaks HTTP/1.1 is refused', () => {
  test.each([
    ['no status line', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'X-Long: y\r\n'.repeat(7000)}`],
    ['a head line without end', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70_000)}`],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n'],
    ['a carriage return inside a header', 'HTTP/1.1 200 OK\r\nSet-Cookie: a\rX: y\r\n\r\n'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a coding that was not asked for', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
    ['a chunk size beyond all disks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n'],
    ['a chunk line without end', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(5000)}`],
    ['a chunk longer than its size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n'],
    ['a trailer without end', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'X: y\r\n'.repeat(5000)}`],
    ['interim responses without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20)],
    ['a body in a coding that was not asked for', 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx'],
    ['no head at all', '\r\n\r\n'],
    ['bytes behind the end', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab'],
  ])('%s', (_title, text) => {
    expect(() => parse([text])).toThrow(HttpSyntaxError);
    expect(() => parse(text.split(''))).toThrow(HttpSyntaxError);
  });
});

test('ten thousand damaged responses give a body or an HttpSyntaxError, and nothing else', () => {
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  for (let round = 0; round < 10_000; round += 1) {
    const text = CHUNKED.split('');
    for (let change = 0; change <= random(3); change += 1) text[random(text.length)] = String.fromCharCode(random(256));
    try {
      parse([text.slice(0, random(text.length)).join(''), text.join('')]);
    } catch (error) {
      expect(error).toBeInstanceOf(HttpSyntaxError);
    }
  }
});

test.each([
  ['lines', 'a:\n'],
  ['spaces in a value', ' '],
])('a head of many %s is read in a moment, in whatever pieces it comes', (_title, unit) => {
  const text = `HTTP/1.1 200 OK\r\na: x${unit.repeat(60_000 / unit.length)}x\r\n\r\n`;
  const startedUs = process.cpuUsage();
  for (let round = 0; round < 10; round += 1) {
    const parser = new HttpResponseParser(
      () => undefined,
      () => undefined,
    );
    try {
      for (const character of text) parser.feed(Buffer.from(character, 'latin1'));
    } catch (error) {
      expect(error).toBeInstanceOf(HttpSyntaxError);
    }
  }
  const { user, system } = process.cpuUsage(startedUs);
  // With quadratic time, this would take minutes.
  expect((user + system) / 1e6).toBeLessThan(20);
});
