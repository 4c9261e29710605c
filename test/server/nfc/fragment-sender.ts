import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { fragmentFrame } from './fragment-frame.ts';
import { ERROR, errorFrame } from './frame-layout.ts';
import type { NfcConnection } from './nfc-connection.ts';
import { takeNext, type Fragment, type PendingRead } from './read-plan.ts';

/** Answers the reads of a connection, one fragment after the other. */
export class FragmentSender {
  readonly #connection: NfcConnection;
  readonly #socket: TLSSocket;
  /** The reads with fragments that are not sent, in order of arrival. */
  #reads: PendingRead[] = [];
  #inFlight = 0;
  #bytesInFlight = 0;
  #isRunning = false;
  /** A scripted fault: nothing more is sent. */
  #isSilent = false;
  #onWritten: () => void = () => undefined;
  #seed = 1;

  constructor(connection: NfcConnection, socket: TLSSocket) {
    this.#connection = connection;
    this.#socket = socket;
    connection.closed.addEventListener('abort', () => {
      connection.host.release(this.#bytesInFlight);
      this.#bytesInFlight = 0;
      this.#reads = [];
      this.#onWritten();
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
    if (!this.#isSilent) this.#socket.write(bytes);
  }

  /** While one fragment is written, the next one is made. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    let written = Promise.resolve();
    while (!this.#connection.closed.aborted && !this.#isSilent) {
      // Reads that have arrived meanwhile can take part in the mixing.
      if (this.#reads[0]?.order === 'mixed') await nextTurn();
      const next = takeNext(this.#reads, () => this.#random());
      if (next === undefined) break;
      const [read, fragment] = next;
      if (read.fragments.length === 0) this.#reads.splice(this.#reads.indexOf(read), 1);
      const frame = await this.#make(read, fragment);
      await written;
      written = this.#send(read, frame);
    }
    this.#isRunning = false;
  }

  /** Makes a fragment, or an error that ends its read. */
  async #make(read: PendingRead, fragment: Fragment): Promise<Buffer[]> {
    const { fault } = read;
    if (fault?.action === 'late' && read.sentFragments === 0) await pause(fault.ms);
    if (fault?.action === 'read-error') {
      const last = read.sentFragments + read.fragments.length;
      const after = Math.min(fault.afterFragments ?? 0, last);
      if (read.sentFragments >= after) return this.#fail(read, fault.code, fault.text ?? 'read failed');
    }
    let bytes: Buffer | undefined;
    try {
      bytes = await read.file.read(read.offset + fragment.from, fragment.bytes);
    } catch (error) {
      return this.#fail(read, ERROR.readFailure, String(error));
    }
    read.sentFragments += 1;
    read.record.bytesRead += fragment.bytes;
    return fragmentFrame(read, fragment, bytes);
  }

  /** Returns an error in place of the rest of a read. */
  #fail(read: PendingRead, code: number, text: string): Buffer[] {
    read.fragments = [];
    this.#reads = this.#reads.filter((each) => each !== read);
    return [errorFrame(read.operation, code, text)];
  }

  /** Resolves when the frame has left this process. */
  async #send(read: PendingRead, frame: readonly Buffer[]): Promise<void> {
    const { fault } = read;
    const size = frame.reduce((sum, part) => sum + part.length, 0);
    if ((fault?.action === 'cut' || fault?.action === 'stall') && read.sentBytes + size > fault.afterBytes) {
      await this.#write([Buffer.concat(frame).subarray(0, fault.afterBytes - read.sentBytes)]);
      this.#isSilent = true;
      if (fault.action === 'stall') await this.#connection.stall(fault.action);
      else this.#connection.cut(fault.action);
      return;
    }
    read.sentBytes += size;
    // A client that has the last byte may send its next read at once. So the read ends before its last byte is written.
    if (read.fragments.length === 0) this.#finish(read);
    await this.#write(frame);
  }

  #finish(read: PendingRead): void {
    this.#inFlight -= 1;
    if (this.#connection.closed.aborted) return;
    this.#bytesInFlight -= read.length;
    this.#connection.host.release(read.length);
  }

  /** Writes the parts one by one: Node copies parts that it writes together. */
  async #write(parts: readonly Buffer[]): Promise<void> {
    if (this.#connection.closed.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onWritten = resolve;
    parts.forEach((part, index) =>
      index === parts.length - 1 ? this.#socket.write(part, () => resolve()) : this.#socket.write(part),
    );
    await promise;
  }

  /** The same sequence in each run. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0;
    return (this.#seed >>> 8) / 2 ** 24;
  }
}
