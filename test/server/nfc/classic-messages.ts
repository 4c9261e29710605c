import type { TLSSocket } from 'node:tls';
import type { Admission } from './authd.ts';
import { sendAlone, type NfcConnection } from './nfc-connection.ts';
import type { RecordReader } from './record-reader.ts';

/** Each message has this length: the type in the first uint32, then its fields, then zeros. */
const MESSAGE_BYTES = 264;
/** Ends the conversation: a refusal from the server, a goodbye from the client. */
const GOODBYE = 4;
const TAG_BYTES = 16;
const MAX_NAME_BYTES = 1024;
const OLDEST_VERSION = 3;

export function classicMessage(type: number, ...fields: number[]): Buffer {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  [type, ...fields].forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}

/**
 * Exchanges messages with the client until it may send frames.
 * @returns false if the connection has ended
 */
export async function speakClassic(
  connection: NfcConnection,
  socket: TLSSocket,
  reader: RecordReader,
  admission: Admission,
): Promise<boolean> {
  const dialog = new ClassicDialog(connection, socket, reader, admission);
  const ownRecord = connection.host.options.oneMessagePerRecord !== 'no';
  while (await reader.nextMessage(ownRecord)) {
    const message = await reader.take(MESSAGE_BYTES);
    const done = await dialog.answer(message);
    if (done !== 'goes on') return done === 'frames';
  }
  return false;
}

/** Waits for the message that ends the conversation after the session was closed. */
export async function readGoodbye(connection: NfcConnection, reader: RecordReader): Promise<void> {
  if (!(await reader.nextMessage(false))) return;
  const message = await reader.take(MESSAGE_BYTES);
  if (message.equals(classicMessage(GOODBYE))) connection.record.saidGoodbye = true;
  else connection.violation('something else than message 4 came after the session was closed');
}

class ClassicDialog {
  readonly #connection: NfcConnection;
  readonly #socket: TLSSocket;
  readonly #reader: RecordReader;
  readonly #tag: string | undefined;
  /** The types that arrived. */
  readonly #seen = new Set<number>();

  constructor(connection: NfcConnection, socket: TLSSocket, reader: RecordReader, { tag }: Admission) {
    this.#connection = connection;
    this.#socket = socket;
    this.#reader = reader;
    this.#tag = tag;
  }

  async answer(message: Buffer): Promise<'goes on' | 'frames' | 'over'> {
    const type = message.readUInt32LE(0);
    const { options } = this.#connection.host;
    const restAt = { 33: 4, 43: 4 + TAG_BYTES, 51: 12, 52: 4, 54: 12, 55: 8 }[type];
    if (type === GOODBYE) {
      this.#connection.record.saidGoodbye = true;
      return 'over';
    }
    if (restAt === undefined) return this.#refuse(`message ${type} is unknown`);
    if (this.#seen.has(type)) return this.#refuse(`message ${type} was sent twice`);
    if (message.subarray(restAt).some((byte) => byte !== 0))
      return this.#refuse(`message ${type} has more than its fields`);
    this.#seen.add(type);
    switch (type) {
      case 43:
        return this.#checkTag(message.subarray(4, 4 + TAG_BYTES));
      case 33:
        return options.message36 === 'at-once' ? this.#send(36) : 'goes on';
      case 51: {
        if (!this.#seen.has(33)) return this.#refuse('message 51 was sent before 33');
        if (message.readUInt32LE(4) < OLDEST_VERSION) return this.#refuse('the version of the client is too old');
        if (options.message36 === 'after-51' && (await this.#send(36)) === 'over') return 'over';
        return this.#send(51, options.protocolVersion);
      }
      case 54:
        return this.#readNames(message.readUInt32LE(4), message.readUInt32LE(8));
      case 55:
        return message.readUInt32LE(4) === 3 ? 'goes on' : this.#refuse('message 55 has another value than 3');
      default:
        return this.#begin();
    }
  }

  #checkTag(bytes: Buffer): 'goes on' | Promise<'over'> {
    const expected = Buffer.alloc(TAG_BYTES);
    expected.write(this.#tag ?? '', 'latin1');
    if (this.#tag !== undefined && bytes.equals(expected)) return 'goes on';
    return this.#refuse('the tag in message 43 is not that of THUMBPRINT_SHA2');
  }

  async #readNames(...lengths: number[]): Promise<'goes on' | 'over'> {
    for (const length of lengths) {
      if (length > MAX_NAME_BYTES) return this.#refuse('a name in message 54 is too long');
      const name = await this.#reader.take(length);
      if (name.includes(0)) return this.#refuse('a name in message 54 contains a NUL');
    }
    return 'goes on';
  }

  async #begin(): Promise<'frames' | 'over'> {
    const missing = [33, 51, 54, 55].filter((type) => !this.#seen.has(type));
    if (missing.length > 0) return this.#refuse(`message 52 was sent before ${missing.join(', ')}`);
    return (await this.#send(52)) === 'over' ? 'over' : 'frames';
  }

  async #send(type: 36 | 51 | 52, ...fields: number[]): Promise<'goes on' | 'over'> {
    const { host, targets } = this.#connection;
    const fault = host.takeFault('classic', targets, (each) => (each.action === 'version' ? 51 : each.at) === type);
    switch (fault?.action) {
      case 'version':
        await sendAlone(this.#socket, classicMessage(type, fault.version));
        return 'goes on';
      case 'classic-refusal':
        await sendAlone(this.#socket, classicMessage(fault.type ?? GOODBYE));
        await this.#connection.end(fault.action, this.#socket);
        return 'over';
      case 'classic-stall':
        await this.#connection.stall(fault.action);
        return 'over';
      case 'classic-cut':
        this.#connection.cut(fault.action);
        return 'over';
      case undefined:
        await sendAlone(this.#socket, classicMessage(type, ...fields));
        return 'goes on';
    }
  }

  async #refuse(violation: string): Promise<'over'> {
    this.#connection.violation(violation);
    await sendAlone(this.#socket, classicMessage(GOODBYE));
    await this.#connection.end('refused', this.#socket);
    return 'over';
  }
}
