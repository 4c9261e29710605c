import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { normalizeThumbprint } from '../connection/certificate-trust.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import { foreignText } from '../../base/text/foreign-text.ts';
import { NfcUnavailableError, protocolError } from './nfc-error.ts';
import type { NfcTicket } from './nfc-ticket.ts';
import { StreamReader } from './stream-reader.ts';

/** Lines of the daemon have up to 200 characters. */
const MOST_LINE_BYTES = 2048;
const MOST_OF_LINE = 200;

/** The capabilities in the daemon's first line. */
export interface AuthdGreeting {
  sha256: boolean;
}

/**
 * Reads the line that the authentication daemon sends in clear text. Nothing has been sent yet.
 * @throws NfcUnavailableError when the connection after the login would be in clear text.
 */
export async function readGreeting(reader: StreamReader, host: string): Promise<AuthdGreeting> {
  const line = await reader.readLine(MOST_LINE_BYTES);
  if (line === undefined || !line.startsWith('220 ')) {
    throw protocolError(host, `a greeting that is not of an authentication daemon (${quoted(line)})`);
  }
  if (!/\bNFCSSL supported\b/.test(line)) {
    throw new NfcUnavailableError(`${host} does not offer NFC over TLS, and data is not read in clear text`);
  }
  return { sha256: /\bSHA256 supported\b/.test(line) };
}

/**
 * Logs in to the authentication daemon with a ticket, inside its TLS session, and has it pass the connection on to the
 * NFC server. Returns the tag that the first message to the NFC server repeats; undefined for a host without SHA-256.
 * @throws NfcUnavailableError for a refusal; `tls-trust` when the daemon names another certificate than it presents.
 */
export async function logInToAuthd(
  socket: TLSSocket,
  host: string,
  { ticket, greeting }: { ticket: NfcTicket; greeting: AuthdGreeting },
): Promise<string | undefined> {
  const reader = new StreamReader(socket, host);
  const send = (text: string): Promise<void> => writeRecord(socket, Buffer.from(text, 'latin1'));
  try {
    await send(`SESSION ${ticket.sessionId}\r\n`);
    await send('BANNER \r\n');
    await expectAnswer(reader, host, { during: 'the ticket', code: '220' });
    let tag: string | undefined;
    if (greeting.sha256) {
      // 12 random bytes are 16 base64 characters, the longest tag.
      tag = randomBytes(12).toString('base64');
      await send(`THUMBPRINT_SHA2 ${tag}\r\n`);
      const line = await expectAnswer(reader, host, { during: 'the request for its thumbprint', code: '200' });
      requireSameThumbprint(host, line.slice(4), socket);
    }
    await send(`PROXY ${ticket.service}ssl\r\n`);
    await expectAnswer(reader, host, { during: 'the service', code: '200' });
    if (reader.detach() > 0) throw protocolError(host, 'data before the second TLS session');
    return tag;
  } finally {
    reader.detach();
  }
}

/** Writes one TLS record. A host leaves a second message of the same record unread, and Node merges the writes of one tick. */
export function writeRecord(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

async function expectAnswer(
  reader: StreamReader,
  host: string,
  { during, code }: { during: string; code: string },
): Promise<string> {
  const line = await reader.readLine(MOST_LINE_BYTES);
  if (line?.startsWith(`${code} `)) return line;
  if (line !== undefined && /^5\d\d /.test(line)) {
    throw new NfcUnavailableError(`${host} refused ${during} (${quoted(line)})`);
  }
  throw protocolError(host, `an unexpected answer to ${during} (${quoted(line)})`);
}

function requireSameThumbprint(host: string, announced: string, socket: TLSSocket): void {
  const { fingerprint256 } = socket.getPeerCertificate();
  const plain = announced.trim().replaceAll(':', '').toUpperCase();
  if (plain === normalizeThumbprint(fingerprint256)) return;
  throw new Hyper2kvmError(
    'tls-trust',
    `The authentication daemon of ${host} names another certificate than the connection presents.`,
    { hint: 'A device in between may intercept the connection. --transport lease does not use port 902.' },
  );
}

function quoted(line: string | undefined): string {
  return line === undefined ? 'a line that is too long' : JSON.stringify(foreignText(line, MOST_OF_LINE));
}

/**
 * Lends a socket to a TLS session that ends without a message, as the authentication daemon requires. Destroying the
 * session does not destroy the socket.
 */
export class LentSocket extends Duplex {
  readonly #socket: Socket;
  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#socket.pause();
  };
  readonly #onError = (error: Error): void => void this.destroy(error);
  readonly #onEnd = (): void => void this.push(null);

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    this.on('error', () => undefined);
    socket.on('data', this.#onData);
    socket.on('error', this.#onError);
    socket.on('end', this.#onEnd);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  /** Ends the loan. Returns false when bytes of what follows may have been read. */
  giveBack(): boolean {
    this.#socket.pause();
    this.#socket.off('data', this.#onData);
    this.#socket.off('error', this.#onError);
    this.#socket.off('end', this.#onEnd);
    return this.readableLength === 0;
  }
}
