import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { allocationBitmap } from './allocation-bitmap.ts';
import { findDiskFile, type DiskFile } from './disk-file.ts';
import { FragmentSender } from './fragment-sender.ts';
import * as layout from './frame-layout.ts';
import { ERROR, FRAME } from './frame-layout.ts';
import type { NfcConnection } from './nfc-connection.ts';
import type { NfcTicket } from './nfc-tickets.ts';
import { planFragments } from './read-plan.ts';
import type { RecordReader } from './record-reader.ts';

const DEFAULT_FRAGMENT_BYTES = 64 * 1024;
const MAX_BUFFER_BYTES = 16 << 20;
const MAX_PATH_BYTES = 4096;
const MAX_KEY_BYTES = 1024;
const SECTOR_BYTES = 512n;
const OPENING_ORDER = [FRAME.openSession, FRAME.socketOptions, FRAME.resourcePool] as const;

/** An open file of a session. */
interface OpenFile {
  path: string;
  disk: DiskFile;
  handle: Buffer;
  record: NfcConnection['record']['files'][number];
}

/** The frames of one connection. */
export class FrameSession {
  readonly #connection: NfcConnection;
  readonly #socket: TLSSocket;
  readonly #reader: RecordReader;
  readonly #ticket: NfcTicket;
  readonly #sender: FragmentSender;
  readonly #files = new Map<string, OpenFile>();
  #nextOperation = 0;
  /** How many of the frames in `OPENING_ORDER` have arrived. */
  #opened = 0;
  #fragmentBytes = DEFAULT_FRAGMENT_BYTES;

  constructor(connection: NfcConnection, socket: TLSSocket, reader: RecordReader, ticket: NfcTicket) {
    this.#connection = connection;
    this.#socket = socket;
    this.#reader = reader;
    this.#ticket = ticket;
    this.#sender = new FragmentSender(connection, socket);
  }

  /**
   * Answers frames.
   * @returns true when the client has closed the session; false if the connection has ended
   */
  async serve(): Promise<boolean> {
    const ownRecord = this.#connection.host.options.oneMessagePerRecord === 'all';
    while (await this.#reader.nextMessage(ownRecord)) {
      const head = await this.#reader.take(layout.HEADER_BYTES);
      const type = head.readUInt32LE(4);
      const operation = head.readUInt32LE(12);
      if (head.readUInt32LE(0) !== layout.MAGIC) return this.#refuse(operation, 'a frame has another magic');
      if (layout.PAYLOAD_BYTES[type]?.includes(head.readUInt32LE(8)) !== true) {
        return this.#refuse(operation, `a frame of type ${type} and ${head.readUInt32LE(8)} bytes is unknown`);
      }
      if (operation !== this.#nextOperation)
        this.#connection.violation(`operation ${operation} does not count up from 0`);
      this.#nextOperation = operation + 1;
      const payload = await this.#reader.take(head.readUInt32LE(8));
      if (type !== FRAME.closeSession && !this.#isInOrder(type)) {
        return this.#refuse(operation, `a frame of type ${type} came before the session was open`);
      }
      if (!(await this.#answer(type, operation, payload))) return false;
      if (type === FRAME.closeSession) return true;
    }
    return false;
  }

  /** The first three frames have an order. Files come after them. */
  #isInOrder(type: number): boolean {
    const place = OPENING_ORDER.findIndex((each) => each === type);
    if (place === -1) return this.#opened === OPENING_ORDER.length;
    if (place !== this.#opened) return false;
    this.#opened += 1;
    return true;
  }

  async #answer(type: number, operation: number, payload: Buffer): Promise<boolean> {
    switch (type) {
      case FRAME.openSession:
        return this.#openSession(operation, payload);
      case FRAME.socketOptions:
        if (payload.some((byte) => byte !== 0)) return this.#refuse(operation, 'the socket options are not zeros');
        return this.#reply(type, operation, uint32s(262_144, 262_144, 0));
      case FRAME.resourcePool:
        if (payload.readUInt32LE(0) !== 1) return this.#refuse(operation, 'the resource pool is not 1');
        return this.#reply(type, operation, Buffer.alloc(4));
      case FRAME.openFile:
        return this.#openFile(operation, payload);
      case FRAME.read:
        return this.#read(operation, payload);
      case FRAME.allocatedBlocks:
        return this.#allocatedBlocks(operation, payload);
      case FRAME.descriptorValue:
        return this.#descriptorValue(operation, payload);
      case FRAME.closeFile:
        return this.#closeFile(operation, payload);
      default:
        this.#connection.record.session = 'closed';
        return this.#reply(type, operation, Buffer.alloc(payload.length));
    }
  }

  /** Zeros are accepted: the host then chooses the buffers. */
  async #openSession(operation: number, payload: Buffer): Promise<boolean> {
    const [zero, bytes, count, reserved] = [0, 4, 8, 12].map((at) => payload.readUInt32LE(at));
    const { host, targets } = this.#connection;
    if (zero !== 0 || reserved !== 0) return this.#refuse(operation, 'a reserved field of the session is not 0');
    if (bytes === undefined || count === undefined || (bytes === 0) !== (count === 0)) {
      return this.#refuse(operation, 'only one of buffer bytes and buffer count is 0');
    }
    const fault = host.takeFault('open', targets, (each) => each.action === 'session-error');
    if (fault?.action === 'session-error') return this.#error(operation, fault.code, fault.text ?? '');
    if (bytes * count > MAX_BUFFER_BYTES) {
      this.#connection.violation(`the session asks for ${bytes * count} bytes of buffers`);
      return this.#error(operation, ERROR.outOfMemory, 'failed to allocate the buffers');
    }
    if (bytes > 0) this.#fragmentBytes = bytes;
    this.#connection.record.session = 'open';
    return this.#reply(FRAME.openSession, operation, Buffer.alloc(16));
  }

  async #openFile(operation: number, payload: Buffer): Promise<boolean> {
    const request = layout.readOpenRequest(payload);
    if (request.pathBytes > MAX_PATH_BYTES) return this.#refuse(operation, 'the path is too long');
    const path = (await this.#reader.take(request.pathBytes)).toString('utf8');
    const { host, targets } = this.#connection;
    if (request.type !== layout.DISK_TYPE || !request.isRestZero || path.includes('\0')) {
      return this.#refuse(operation, 'the request to open a file has unknown values');
    }
    const disk = findDiskFile(this.#ticket.vm, path);
    const refusal = this.#refusalOf(path, disk, request.flags);
    const fault = host.takeFault('open', [...targets, path], (each) => each.action !== 'session-error');
    const scripted = fault?.action === 'open-error' ? ([fault.code, fault.text ?? 'open failed'] as const) : undefined;
    const error = scripted ?? refusal;
    if (error !== undefined || disk === undefined) {
      const [code, text] = error ?? [ERROR.permission, 'permission check failed'];
      this.#error(operation, code, text);
      return host.options.answerAfterFailedOpen ? this.#reply(FRAME.openFile, operation, Buffer.alloc(60)) : true;
    }
    // Handles are above 2^53, as those of hosts are: they are addresses or random.
    const handle = randomBytes(8);
    handle.writeUInt8(handle.readUInt8(7) | 0x80, 7);
    const record = { path, open: true, reads: 0, bytesRead: 0 };
    this.#connection.record.files.push(record);
    this.#files.set(handle.toString('hex'), { path, disk, handle, record });
    const capacity = fault?.action === 'capacity' ? BigInt(fault.bytes) : BigInt(disk.capacityBytes);
    const status = fault?.action === 'open-status' ? fault.status : 0;
    return this.#reply(FRAME.openFile, operation, layout.openAnswer(handle, capacity, status));
  }

  /** Why a file cannot be opened. */
  #refusalOf(
    path: string,
    disk: DiskFile | undefined,
    flags: number,
  ): readonly [code: number, text: string] | undefined {
    const { vm } = this.#ticket;
    const { service } = this.#connection.host;
    if (flags !== layout.READ_ONLY_FLAGS) {
      this.#connection.violation(`a file was opened with flags 0x${flags.toString(16)}`);
      return [ERROR.permission, 'permission check failed'];
    }
    const isForbidden = service.options.missingPrivileges.includes('VirtualMachine.Provisioning.DiskRandomRead');
    if (disk === undefined || isForbidden || (this.#ticket.path ?? path) !== path) {
      return [ERROR.permission, 'permission check failed'];
    }
    if (disk.isWrittenTo) return [ERROR.general, `The file ${path} cannot be opened in multiwriter mode`];
    if (vm.openLease !== undefined) return [ERROR.general, 'DiskLib error 16392: Failed to lock the file'];
    return undefined;
  }

  async #read(operation: number, payload: Buffer): Promise<boolean> {
    const file = this.#fileOf(payload);
    const request = layout.readReadRequest(payload, operation);
    if (file === undefined) return this.#refuse(operation, 'the handle is not of an open file');
    const [length = 0n] = request.lengths;
    if (
      request.opcode !== 1 ||
      request.packing > 3 ||
      !request.isRestZero ||
      request.lengths.some((each) => each !== length)
    ) {
      return this.#refuse(operation, 'the request to read has unknown values');
    }
    if (length === 0n || length % SECTOR_BYTES !== 0n || request.offset % SECTOR_BYTES !== 0n) {
      this.#connection.violation('a read is not of whole sectors');
      return this.#error(operation, ERROR.readFailure, 'a read must be of whole sectors');
    }
    if (request.offset + length > BigInt(file.disk.capacityBytes)) {
      this.#connection.violation('a read ends after the end of the disk');
      return this.#error(operation, ERROR.readFailure, 'a read ends after the end of the disk');
    }
    file.record.reads += 1;
    const { host, targets } = this.#connection;
    const fault = host.takeFault(
      'read',
      [...targets, file.path],
      (each) => each.action !== 'busy' || this.#sender.inFlight >= each.inFlight,
    );
    const isAccepted =
      fault?.action !== 'busy' &&
      this.#sender.add({
        operation,
        file: file.disk,
        record: file.record,
        packing: request.packing,
        storedAs: host.options.storedAs,
        offset: Number(request.offset),
        length: Number(length),
        order: fault?.action === 'reversed' || fault?.action === 'mixed' ? fault.action : host.options.fragmentOrder,
        fragments: planFragments(Number(length), this.#fragmentBytes, fault),
        sentFragments: 0,
        sentBytes: 0,
        fault,
      });
    if (isAccepted) return true;
    return this.#error(
      operation,
      ERROR.outOfMemory,
      (fault?.action === 'busy' ? fault.text : undefined) ?? 'failed to allocate',
    );
  }

  async #allocatedBlocks(operation: number, payload: Buffer): Promise<boolean> {
    const file = this.#fileOf(payload);
    if (file === undefined) return this.#refuse(operation, 'the handle is not of an open file');
    const request = layout.readBlocksRequest(payload);
    const bitmap = allocationBitmap(file.disk, request, this.#connection.host.options.allocatedBlocks);
    if (typeof bitmap === 'string') {
      this.#connection.violation(bitmap);
      return this.#error(operation, ERROR.general, bitmap);
    }
    const { host, targets } = this.#connection;
    const fault = host.takeFault(
      'file',
      [...targets, file.path],
      ({ action }) => action !== 'descriptor-error' && action !== 'close-stall',
    );
    if (fault?.action === 'blocks-error') return this.#error(operation, fault.code, fault.text ?? '');
    const count = Number(request.count);
    let used = bitmap.length;
    if (fault?.action === 'unpadded-bitmap') used = Math.ceil(count / 8);
    if (fault?.action === 'short-bitmap') used = Math.ceil(count / 8) - 1;
    const answer = layout.blocksAnswer(fault?.action === 'wrong-count' ? fault.count : count);
    return this.#reply(FRAME.allocatedBlocks, operation, answer, bitmap.subarray(0, used));
  }

  async #descriptorValue(operation: number, payload: Buffer): Promise<boolean> {
    const file = this.#fileOf(payload);
    const keyBytes = payload.readUInt32LE(8);
    if (file === undefined || keyBytes > MAX_KEY_BYTES || payload.readUInt32LE(12) !== 0) {
      return this.#refuse(operation, 'the question for a descriptor value has unknown values');
    }
    const key = (await this.#reader.take(keyBytes)).toString('latin1');
    const { host, targets } = this.#connection;
    const fault = host.takeFault('file', [...targets, file.path], (each) => each.action === 'descriptor-error');
    if (fault?.action === 'descriptor-error') return this.#error(operation, fault.code, fault.text ?? '');
    const { descriptor } = file.disk;
    const value = Buffer.from(Object.hasOwn(descriptor, key) ? (descriptor[key] ?? '') : '', 'latin1');
    return this.#reply(FRAME.descriptorValue, operation, uint32s(0, 0, 0, value.length), value);
  }

  async #closeFile(operation: number, payload: Buffer): Promise<boolean> {
    const file = this.#fileOf(payload);
    if (file === undefined) return this.#refuse(operation, 'the handle is not of an open file');
    const { host, targets } = this.#connection;
    const fault = host.takeFault('file', [...targets, file.path], (each) => each.action === 'close-stall');
    if (fault !== undefined) {
      await this.#connection.stall(fault.action);
      return false;
    }
    if (this.#sender.inFlight > 0) this.#connection.violation('a file was closed during a read');
    file.record.open = false;
    this.#files.delete(file.handle.toString('hex'));
    return this.#reply(FRAME.closeFile, operation, Buffer.alloc(payload.length));
  }

  #fileOf(payload: Buffer): OpenFile | undefined {
    return this.#files.get(payload.toString('hex', 0, 8));
  }

  #reply(type: number, operation: number, payload: Buffer, extra?: Buffer): true {
    this.#sender.write(layout.frame(type, operation, payload, extra));
    return true;
  }

  #error(operation: number, code: number, text: string): true {
    this.#sender.write(layout.errorFrame(operation, code, text));
    return true;
  }

  /** Ends the connection because of a frame that no client may send. */
  async #refuse(operation: number, violation: string): Promise<false> {
    this.#connection.violation(violation);
    this.#error(operation, ERROR.general, violation);
    await this.#connection.end('refused', this.#socket);
    return false;
  }
}

function uint32s(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}
