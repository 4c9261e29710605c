import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { packFragment } from './fragment-packing.ts';
import { ERROR, errorFrame, fragmentHead, HEADER_BYTES, PACKING } from './frame-layout.ts';
import type { NfcConnection } from './nfc-connection.ts';
import { takeNext, type Fragment, type PendingRead } from './read-plan.ts';

/** Bytes that may wait in this process for the network. Enough to keep it busy while the next fragment is made. */
const MAX_UNSENT_BYTES = 4 << 20;
const HUGE = 0xffff_fff0;

/** Answers the reads of a connection, one fragment after the other. */
export class FragmentSender {
  readonly #connection: NfcConnection;
  readonly #socket: TLSSocket;
  /** The reads with fragments that are not sent, in order of arrival. */
  #reads: PendingRead[] = [];
  #inFlight = 0;
  #bytesInFlight = 0;
  #unsentBytes = 0;
  #onSent: () => void = () => undefined;
  #isRunning = false;
  #seed = 1;

  constructor(connection: NfcConnection, socket: TLSSocket) {
    this.#connection = connection;
    this.#socket = socket;
    connection.closed.addEventListener('abort', () => {
      connection.host.release(this.#bytesInFlight);
      this.#bytesInFlight = 0;
      this.#reads = [];
      this.#onSent();
    });
  }

  /** Reads that are not completely answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Answers a read in the background.
   * @returns false if the host has no memory for it
   */
  add(read: PendingRead): boolean {
    const { host, record } = this.#connection;
    if (!host.reserve(read.length)) return false;
    this.#inFlight += 1;
    this.#bytesInFlight += read.length;
    record.peakReads = Math.max(record.peakReads, this.#inFlight);
    record.peakBytes = Math.max(record.peakBytes, this.#bytesInFlight);
    if (read.fragments.length > 0) {
      this.#reads.push(read);
      if (!this.#isRunning) void this.#run();
    }
    return true;
  }

  /** Writes a frame that is not a fragment. */
  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (;;) {
      // Reads that have arrived meanwhile can take part in the mixing.
      if (this.#reads[0]?.order === 'mixed') await nextTurn();
      const next = takeNext(this.#reads, () => this.#random());
      if (next === undefined || this.#connection.closed.aborted) break;
      const [read, fragment] = next;
      if (read.fragments.length === 0) this.#reads.splice(this.#reads.indexOf(read), 1);
      await this.#answer(read, fragment);
      while (this.#unsentBytes > MAX_UNSENT_BYTES && !this.#connection.closed.aborted) await this.#nextSent();
    }
    this.#isRunning = false;
  }

  async #answer(read: PendingRead, fragment: Fragment): Promise<void> {
    const { fault } = read;
    if (fault?.action === 'late' && read.sentFragments === 0) await pause(fault.ms);
    if (
      fault?.action === 'read-error' &&
      read.sentFragments >= Math.min(fault.afterFragments ?? 0, read.fragments.length)
    ) {
      this.#fail(read, fault.code, fault.text ?? 'read failed');
      return;
    }
    let bytes: Buffer | undefined;
    try {
      bytes = await read.file.read(read.offset + fragment.from, fragment.bytes);
    } catch (error) {
      this.#fail(read, ERROR.readFailure, String(error));
      return;
    }
    read.sentFragments += 1;
    read.record.bytesRead += fragment.bytes;
    const [head, data] = this.#frame(read, fragment, this.#flipBit(read, fragment, bytes));
    if (fault?.action === 'cut' || fault?.action === 'stall') {
      const before = read.sentBytes;
      if (before + head.length + data.length > fault.afterBytes) {
        await this.#breakOff(fault.action, Buffer.concat([head, data]).subarray(0, fault.afterBytes - before));
        return;
      }
    }
    read.sentBytes += head.length + data.length;
    this.#send(head, data, read);
  }

  #frame(read: PendingRead, fragment: Fragment, bytes: Buffer | undefined): [Buffer, Buffer] {
    const { fault, packing } = read;
    const packed = packFragment(packing, bytes, fragment.bytes);
    const isStoredAsRequested = read.storedAs === 'requested' || fault?.action === 'stored-as-requested';
    const stored = isStoredAsRequested ? packing : PACKING.none;
    let data = packed ?? bytes ?? Buffer.alloc(fragment.bytes);
    if (fault?.action === 'wrong-length') data = data.subarray(0, data.length - 1);
    const head = fragmentHead(read.operation, {
      status: fault?.action === 'read-status' ? fault.status : 0,
      packing: packed === undefined ? stored : packing,
      offset: BigInt(read.offset),
      total: read.length,
      place: fragment.place,
      length: fragment.length,
      extraBytes: data.length,
    });
    if (fault?.action === 'wrong-magic') head.writeUInt32LE(0xa100_da7b, 0);
    if (fault?.action === 'wrong-operation') head.writeUInt32LE(read.operation + 100_000, 12);
    if (fault?.action === 'huge-length') {
      const field = {
        payload: 8,
        total: HEADER_BYTES + 24,
        place: HEADER_BYTES + 28,
        length: HEADER_BYTES + 32,
        extra: HEADER_BYTES + 36,
      };
      head.writeUInt32LE(HUGE, field[fault.field]);
    }
    return [head, data];
  }

  #flipBit(read: PendingRead, fragment: Fragment, bytes: Buffer | undefined): Buffer | undefined {
    if (read.fault?.action !== 'flip-bit') return bytes;
    const at = (read.fault.atByte ?? read.offset) - read.offset - fragment.from;
    if (at < 0 || at >= fragment.bytes) return bytes;
    const flipped = bytes === undefined ? Buffer.alloc(fragment.bytes) : Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
    return flipped;
  }

  /** Sends an error in place of the rest of a read. */
  #fail(read: PendingRead, code: number, text: string): void {
    read.fragments = [];
    this.#reads = this.#reads.filter((each) => each !== read);
    this.#send(errorFrame(read.operation, code, text), Buffer.alloc(0), read);
  }

  #send(head: Buffer, data: Buffer, read: PendingRead): void {
    const bytes = head.length + data.length;
    const isLast = read.fragments.length === 0;
    this.#unsentBytes += bytes;
    const onWritten = (): void => {
      this.#unsentBytes -= bytes;
      if (isLast) this.#finish(read);
      this.#onSent();
    };
    if (data.length === 0) {
      this.#socket.write(head, onWritten);
      return;
    }
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.write(data, onWritten);
    this.#socket.uncork();
  }

  #finish(read: PendingRead): void {
    this.#inFlight -= 1;
    if (this.#connection.closed.aborted) return;
    this.#bytesInFlight -= read.length;
    this.#connection.host.release(read.length);
  }

  async #breakOff(action: string, bytes: Buffer): Promise<void> {
    if (bytes.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#socket.write(bytes, () => resolve());
      await Promise.race([promise, this.#connection.untilClosed()]);
    }
    if (action === 'stall') await this.#connection.stall(action);
    else this.#connection.cut(action);
  }

  async #nextSent(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onSent = resolve;
    await promise;
  }

  /** The same sequence in each run. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0;
    return (this.#seed >>> 8) / 2 ** 24;
  }
}
