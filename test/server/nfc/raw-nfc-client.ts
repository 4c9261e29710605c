import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { randomBytes } from 'node:crypto';
import { type RawClient, field } from '../raw-client.ts';
import type { TestServer } from '../test-server.ts';

/**
 * Two clients are known to work with real hosts. The first sends messages 43, 33 and 51 without waiting, and a random tag. The
 * second waits for message 36 before 51, and has a fixed tag.
 */
export type ClientStyle = 'first' | 'second';

/** A ticket from `NfcGetVmFiles`. */
export interface RawTicket {
  host: string;
  port: number;
  thumbprint: string;
  service: string;
  sessionId: string;
}

/** A frame from the server. */
export interface RawFrame {
  type: number;
  operation: number;
  payload: Buffer;
  extra: Buffer;
}

/** A fragment of a read. */
export interface RawFragment {
  operation: number;
  status: bigint;
  packing: number;
  total: number;
  place: number;
  length: number;
  data: Buffer;
}

/** Calls `NfcGetVmFiles` with a client that is logged in. */
export async function rawTicket(client: RawClient, server: TestServer, vm: string): Promise<RawTicket> {
  const content = (await client.call('RetrieveInternalContent', 'ServiceInstance:ServiceInstance')).returned[0];
  const service = content?.children.find((child) => child.name === 'nfcService');
  const answer = await client.call(
    'NfcGetVmFiles',
    `NfcService:${service?.text}`,
    `<vm type="VirtualMachine">${vm}</vm>`,
  );
  const [ticket] = answer.returned;
  if (ticket === undefined || answer.fault !== '') throw new Error(`${answer.fault}: ${answer.message}`);
  const host = field(ticket, 'host').text;
  return {
    host: host === '' ? server.url.hostname : host,
    port: Number(field(ticket, 'port').text),
    thumbprint: field(ticket, 'sslThumbprint').text,
    service: field(ticket, 'service').text,
    sessionId: field(ticket, 'sessionId').text,
  };
}

/** Reads a number of bytes at a time from a socket. */
class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket | TLSSocket) {
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    const onEnd = (): void => {
      this.#ended = true;
      this.#wake();
    };
    for (const event of ['end', 'close', 'error']) socket.on(event, onEnd);
  }

  async take(length: number): Promise<Buffer> {
    while (this.#length < length) await this.#change();
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    const all = bytes ?? Buffer.concat(this.#chunks);
    this.#length -= length;
    this.#chunks = this.#length === 0 ? [] : [all.subarray(length)];
    return all.subarray(0, length);
  }

  async line(): Promise<string> {
    const bytes: Buffer[] = [];
    do bytes.push(await this.take(1));
    while (bytes.at(-1)?.toString() !== '\n');
    return Buffer.concat(bytes).toString('latin1').trimEnd();
  }

  /** Whether no byte arrives for some time. */
  async isSilent(ms: number): Promise<boolean> {
    if (this.#length > 0) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await Promise.race([promise, pause(ms)]);
    return this.#length === 0 && !this.#ended;
  }

  async #change(): Promise<void> {
    if (this.#ended) throw new Error('the connection ended');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}

/** An NFC client without any logic of its own, for tests that must control exactly what is sent. */
export class RawNfcClient {
  readonly style: ClientStyle;
  readonly greeting: string;
  readonly #raw: Socket;
  #tls: TLSSocket | undefined;
  #queue: ByteQueue;
  #operation = 0;
  tag = '';

  private constructor(style: ClientStyle, raw: Socket, queue: ByteQueue, greeting: string) {
    this.style = style;
    this.#raw = raw;
    this.#queue = queue;
    this.greeting = greeting;
  }

  /** Connects and reads the first line. */
  static async connect(ticket: Pick<RawTicket, 'host' | 'port'>, style: ClientStyle = 'first'): Promise<RawNfcClient> {
    const raw = connect(ticket.port, ticket.host);
    const queue = new ByteQueue(raw);
    const line = await queue.line();
    raw.removeAllListeners('data');
    return new RawNfcClient(style, raw, queue, line);
  }

  /** Connects and goes as far as the frames of a session. */
  static async open(ticket: RawTicket, style: ClientStyle = 'first', buffers = [0, 0]): Promise<RawNfcClient> {
    const client = await RawNfcClient.connect(ticket, style);
    await client.secure();
    await client.authenticate(ticket);
    await client.secure();
    await client.greet();
    await client.openSession(buffers);
    return client;
  }

  /** Begins a TLS session on the TCP connection, and returns the certificate's thumbprint. */
  async secure(): Promise<string> {
    const socket = connectTls({ socket: this.#raw, rejectUnauthorized: false });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.on('error', reject);
    socket.on('secureConnect', resolve);
    socket.on('close', () => reject(new Error('the connection ended')));
    await promise;
    this.#tls = socket;
    this.#queue = new ByteQueue(socket);
    return socket.getPeerX509Certificate()?.fingerprint ?? '';
  }

  /** Sends a line of authd and, unless told otherwise, reads the answer. */
  async line(text: string, isAnswered = true): Promise<string> {
    await this.send(Buffer.from(`${text}\r\n`));
    return isAnswered ? this.#queue.line() : '';
  }

  /** Says what authd needs. Returns the answers. */
  async authenticate(ticket: RawTicket): Promise<string[]> {
    this.tag = this.style === 'first' ? randomBytes(12).toString('base64') : 'PlainText';
    await this.line(`SESSION ${ticket.sessionId}`, false);
    return [
      await this.line('BANNER '),
      await this.line(`THUMBPRINT_SHA2 ${this.tag}`),
      await this.line(`PROXY ${ticket.service}ssl`),
    ];
  }

  /** Exchanges the messages that precede frames. The second client waits for 36 before it sends 51. */
  async greet(): Promise<void> {
    if (this.tag !== '') await this.sendClassic(43, Buffer.from(this.tag.padEnd(16, '\0'), 'latin1'));
    await this.sendClassic(33);
    if (this.style === 'first') {
      await this.sendClassic(51, uint32s(11, 0));
      await this.expectClassic(36);
    } else {
      await this.expectClassic(36);
      await this.sendClassic(51, uint32s(12, 1));
    }
    await this.expectClassic(51);
    const names = ['hyper2kvm', 'test'];
    await this.sendClassic(54, uint32s(...names.map((name) => name.length)));
    await this.send(Buffer.from(names.join('')));
    await this.sendClassic(55, uint32s(3));
    await this.sendClassic(52);
    await this.expectClassic(52);
  }

  async openSession([bytes = 0, count = 0]: number[] = []): Promise<void> {
    await this.expect(2, await this.frame(2, uint32s(0, bytes, count, 0)));
    await this.expect(9, await this.frame(9, Buffer.alloc(12)));
    await this.expect(22, await this.frame(22, uint32s(1)));
  }

  /** Opens a file. Returns its handle and its capacity. */
  async openFile(path: string, flags = 0x1e): Promise<{ handle: Buffer; capacity: bigint; payload: Buffer }> {
    await this.requestOpen(path, flags);
    const { payload } = await this.expect(4, this.#operation - 1);
    return { handle: payload.subarray(8, 16), capacity: payload.readBigUInt64LE(28), payload };
  }

  async requestOpen(path: string, flags = 0x1e): Promise<number> {
    const name = Buffer.from(path, 'utf8');
    const payload = Buffer.alloc(60);
    payload.writeUInt32LE(name.length, 0);
    payload.writeUInt32LE(2, 16);
    payload.writeUInt32LE(flags, 20);
    return this.frame(4, payload, name);
  }

  /** Asks for a read. Returns its operation. */
  async requestRead(handle: Buffer, offset: number, length: number, packing = 0): Promise<number> {
    const payload = Buffer.alloc(44);
    handle.copy(payload, 0);
    payload.writeUInt32LE(1, 8);
    payload.writeUInt32LE(packing, 12);
    payload.writeBigUInt64LE(BigInt(offset), 16);
    payload.writeBigUInt64LE(BigInt(length), 24);
    payload.writeUInt32LE(length, 32);
    payload.writeUInt32LE(length, 36);
    return this.frame(7, payload);
  }

  async fragment(): Promise<RawFragment> {
    const { operation, payload, extra } = await this.expect(7);
    return {
      operation,
      status: payload.readBigUInt64LE(0),
      packing: payload.readUInt32LE(12),
      total: payload.readUInt32LE(24),
      place: payload.readUInt32LE(28),
      length: payload.readUInt32LE(32),
      data: extra,
    };
  }

  /** Reads fragments until the lengths of all requests are complete. */
  async fragments(totalBytes: number): Promise<RawFragment[]> {
    const fragments: RawFragment[] = [];
    for (let left = totalBytes; left > 0;) {
      const fragment = await this.fragment();
      fragments.push(fragment);
      left -= fragment.length;
    }
    return fragments;
  }

  /** Closes a file and the session, and says goodbye. */
  async close(handle?: Buffer): Promise<void> {
    const reserved = this.style === 'first' ? Buffer.alloc(0) : Buffer.alloc(8);
    if (handle !== undefined) await this.expect(5, await this.frame(5, Buffer.concat([handle, reserved])));
    await this.expect(3, await this.frame(3, Buffer.alloc(this.style === 'first' ? 4 : 16)));
    await this.sendClassic(4);
    this.hangUp();
  }

  /** Whether the server sends nothing for some time. */
  async isSilent(ms = 150): Promise<boolean> {
    return this.#queue.isSilent(ms);
  }

  /** Reads bytes as they are. */
  async take(length: number): Promise<Buffer> {
    return this.#queue.take(length);
  }

  /** Sends bytes below TLS. */
  sendRaw(bytes: Buffer): void {
    this.#raw.write(bytes);
  }

  /** Waits until the server ends the connection. */
  async untilEnd(): Promise<void> {
    this.#raw.resume();
    this.#raw.on('error', () => undefined);
    if (!this.#raw.closed) await once(this.#raw, 'close');
  }

  hangUp(): void {
    this.#tls?.end();
    this.#raw.end();
  }

  /** Sends a frame in a TLS record of its own. Returns its operation. */
  async frame(type: number, payload: Buffer, extra: Buffer = Buffer.alloc(0)): Promise<number> {
    const operation = this.#operation;
    this.#operation += 1;
    await this.send(Buffer.concat([uint32s(0xa100_da7a, type, payload.length, operation), payload, extra]));
    return operation;
  }

  async nextFrame(): Promise<RawFrame> {
    const head = await this.#queue.take(16);
    const [magic, type = 0, payloadBytes = 0, operation = 0] = [0, 4, 8, 12].map((at) => head.readUInt32LE(at));
    if (magic !== 0xa100_da7a) throw new Error(`a frame has magic ${magic?.toString(16)}`);
    const payload = await this.#queue.take(payloadBytes);
    const extraAt: Record<number, number> = { 1: 12, 7: 36, 11: 12 };
    const place = extraAt[type];
    const bitmapBytes = type === 13 ? Math.ceil(Math.ceil(payload.readUInt32LE(32) / 8) / 4) * 4 : 0;
    const extra = await this.#queue.take(place === undefined ? bitmapBytes : payload.readUInt32LE(place));
    return { type, operation, payload, extra };
  }

  /** Reads a frame of this type. @throws with code and text of an error frame */
  async expect(type: number, operation?: number): Promise<RawFrame> {
    const frame = await this.nextFrame();
    if (frame.type === 1) throw new Error(`error ${frame.payload.readBigUInt64LE(0)}: ${frame.extra.toString()}`);
    if (frame.type !== type || (operation ?? frame.operation) !== frame.operation) {
      throw new Error(`frame ${frame.type} of operation ${frame.operation} came in place of ${type}`);
    }
    return frame;
  }

  async sendClassic(type: number, fields: Buffer = Buffer.alloc(0)): Promise<void> {
    await this.send(classic(type, fields));
  }

  async expectClassic(type: number): Promise<Buffer> {
    const message = await this.#queue.take(264);
    if (message.readUInt32LE(0) !== type)
      throw new Error(`message ${message.readUInt32LE(0)} came in place of ${type}`);
    return message;
  }

  /** Sends bytes, and waits until they have left. Then the next ones are in another record. */
  async send(bytes: Buffer): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tls?.write(bytes, () => resolve());
    await promise;
  }
}

export function classic(type: number, fields: Buffer = Buffer.alloc(0)): Buffer {
  const message = Buffer.alloc(264);
  message.writeUInt32LE(type, 0);
  fields.copy(message, 4);
  return message;
}

export function uint32s(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}
