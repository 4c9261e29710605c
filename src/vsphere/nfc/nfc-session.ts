import { endMessage } from './classic-handshake.ts';
import {
  ALLOCATED_BYTES,
  bitmapBytes,
  decodeFragment,
  decodeHeader,
  decodeOpenFile,
  encodeAllocated,
  encodeFrame,
  encodeOpenFile,
  encodeOpenSession,
  encodeRead,
  encodeResourcePool,
  FRAGMENT_BYTES,
  FRAME_TYPE,
  HEADER_BYTES,
  OPEN_FILE_BYTES,
  type FrameHeader,
  type OpenedFile,
} from './frames.ts';
import type { NfcChannel } from './nfc-channel.ts';
import { brokenConnection, NfcHostError, NfcUnavailableError, protocolError } from './nfc-error.ts';
import { FragmentError, ReadAssembly } from './read-assembly.ts';

/** Payloads have at most 60 bytes. */
const MOST_PAYLOAD_BYTES = 4096;
const MOST_ERROR_TEXT_BYTES = 64 * 1024;
/** Ends a session whose host does not answer the closing frames. */
const CLOSE_LIMIT_MS = 5000;

/** A request without its complete answer. */
interface Operation {
  type: number;
  /** For messages: what was requested. */
  doing: string;
  /** Takes a payload, and reads the extra that follows it. Returns true when the answer is complete. */
  take: (payload: Buffer) => Promise<boolean>;
  end: () => void;
  fail: (error: unknown) => void;
}

/**
 * A session with the NFC server of a host, after the handshake. Answers arrive in any order and are assigned by their
 * operation. The first error of any kind ends the connection, and with it all operations.
 */
export class NfcSession {
  readonly #channel: NfcChannel;
  readonly #stallMs: number;
  readonly #operations = new Map<number, Operation>();
  #nextOperation = 0;
  #failure: { error: unknown } | undefined;
  #stallTimer: NodeJS.Timeout | undefined;
  #sentMs = 0;
  requests = 0;

  /** `stallMs`: the connection fails when it is silent for this long during an operation. */
  constructor(channel: NfcChannel, stallMs: number) {
    this.#channel = channel;
    this.#stallMs = stallMs;
    void this.#receive();
  }

  /** The error that ended the session, unless it is open. */
  get failure(): unknown {
    return this.#failure?.error;
  }

  /** Opens the session itself. */
  async open(): Promise<void> {
    await this.#ask(FRAME_TYPE.openSession, 'to open a session', encodeOpenSession(), 16);
    await this.#ask(FRAME_TYPE.socketOptions, 'its socket options', Buffer.alloc(12), 12);
    await this.#ask(FRAME_TYPE.resourcePool, 'its resource pool', encodeResourcePool(), 4);
  }

  /** Opens a file, read only. `path` is `[datastore] folder/name.vmdk`. */
  async openFile(path: string): Promise<OpenedFile> {
    const doing = `to open ${path}`;
    const extra = Buffer.from(path);
    const payload = await this.#ask(FRAME_TYPE.openFile, doing, encodeOpenFile(extra), OPEN_FILE_BYTES, extra);
    return decodeOpenFile(payload);
  }

  /** Fills `target`, at most 1 MiB and whole sectors. When `signal` aborts, the rest of the answer is dropped. */
  read(handle: Buffer, offsetBytes: number, target: Uint8Array, signal: AbortSignal): Promise<void> {
    const assembly = new ReadAssembly(offsetBytes, target);
    const take = async (payload: Buffer): Promise<boolean> => {
      if (payload.length !== FRAGMENT_BYTES) throw new FragmentError(`a fragment head of ${payload.length} bytes`);
      const fragment = decodeFragment(payload);
      assembly.check(fragment);
      return assembly.take(fragment, await this.#channel.reader.read(fragment.extraBytes));
    };
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        assembly.abandon();
        reject(signal.reason);
      };
      const forget = (): void => signal.removeEventListener('abort', abort);
      signal.addEventListener('abort', abort, { once: true });
      const end = (): void => {
        forget();
        resolve();
      };
      const fail = (error: unknown): void => {
        forget();
        assembly.abandon();
        reject(error);
      };
      const doing = `to read ${target.length} bytes at ${offsetBytes}`;
      this.#start({ type: FRAME_TYPE.read, doing, take, end, fail }, encodeRead(handle, offsetBytes, target.length));
    });
  }

  /** One bit for each chunk from `startBytes` on, lowest bit first: the chunks that the file has allocated. */
  async allocated(handle: Buffer, chunkBytes: number, startBytes: number, chunks: number): Promise<Buffer> {
    let bitmap: Buffer = Buffer.alloc(0);
    const request = encodeAllocated(handle, chunkBytes, startBytes, chunks);
    await this.#ask(
      FRAME_TYPE.allocated,
      'the allocated blocks',
      request,
      ALLOCATED_BYTES,
      undefined,
      async (payload) => {
        const count = payload.readBigUInt64LE(32);
        if (count !== BigInt(chunks)) throw new FragmentError(`${count} allocated blocks instead of ${chunks}`);
        bitmap = await this.#channel.reader.read(bitmapBytes(chunks));
      },
    );
    return bitmap;
  }

  /** Closes the file, the session and the connection. Waits for reads in flight, but only for some seconds. */
  async close(handle: Buffer | undefined): Promise<void> {
    const limit = setTimeout(
      () => this.#end(brokenConnection(this.#channel.host, 'was not closed in time')),
      CLOSE_LIMIT_MS,
    );
    try {
      const closing = Buffer.alloc(8);
      handle?.copy(closing);
      if (handle) await this.#ask(FRAME_TYPE.closeFile, 'to close the file', closing, undefined);
      await this.#ask(FRAME_TYPE.closeSession, 'to close the session', Buffer.alloc(4), undefined);
      await this.#channel.send(endMessage());
      this.#failure ??= { error: brokenConnection(this.#channel.host, 'is closed') };
      await this.#channel.end();
    } catch {
      // The host ends an abandoned session itself, and nothing that was read depends on it.
      this.#end(brokenConnection(this.#channel.host, 'is closed'));
    } finally {
      clearTimeout(limit);
    }
  }

  /** Sends a request with one answer, and resolves to its payload. `sizeBytes` is checked unless it is undefined. */
  #ask(
    type: number,
    doing: string,
    payload: Buffer,
    sizeBytes: number | undefined,
    extra?: Uint8Array,
    readExtra?: (payload: Buffer) => Promise<void>,
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let answer: Buffer = Buffer.alloc(0);
      const take = async (received: Buffer): Promise<boolean> => {
        if (sizeBytes !== undefined && received.length !== sizeBytes) {
          throw new FragmentError(`an answer of ${received.length} bytes to the request ${doing}`);
        }
        await readExtra?.(received);
        answer = received;
        return true;
      };
      this.#start({ type, doing, take, end: () => resolve(answer), fail: reject }, payload, extra);
    });
  }

  #start(operation: Operation, payload: Buffer, extra?: Uint8Array): void {
    if (this.#failure) {
      operation.fail(this.#failure.error);
      return;
    }
    const id = this.#nextOperation;
    this.#nextOperation = (id + 1) >>> 0;
    if (this.#operations.size === 0) this.#sentMs = Date.now();
    this.#operations.set(id, operation);
    this.requests += 1;
    this.#watch();
    this.#channel.send(encodeFrame(operation.type, id, payload, extra)).catch((error: unknown) => this.#end(error));
  }

  async #receive(): Promise<void> {
    const { reader, host } = this.#channel;
    try {
      for (;;) {
        const header = decodeHeader(await reader.read(HEADER_BYTES));
        if (!header) throw protocolError(host, 'bytes that do not begin a frame');
        await this.#takeFrame(header);
      }
    } catch (error) {
      this.#end(error instanceof FragmentError ? protocolError(host, error.message) : error);
    }
  }

  async #takeFrame({ type, sizeBytes, operation: id }: FrameHeader): Promise<void> {
    const { reader, host } = this.#channel;
    const operation = this.#operations.get(id);
    if (!operation) throw protocolError(host, `an answer to operation ${id}, which is not in progress`);
    if (sizeBytes > MOST_PAYLOAD_BYTES) throw protocolError(host, `a frame of type ${type} with ${sizeBytes} bytes`);
    const payload = await reader.read(sizeBytes);
    if (type === FRAME_TYPE.error) throw await this.#hostError(operation, payload);
    if (type !== operation.type) throw protocolError(host, `a frame of type ${type} instead of ${operation.type}`);
    requireGoodStatus(host, operation, payload);
    if (!(await operation.take(payload))) return;
    this.#operations.delete(id);
    if (this.#operations.size === 0) this.#unwatch();
    operation.end();
  }

  async #hostError(operation: Operation, payload: Buffer): Promise<Error> {
    const { reader, host } = this.#channel;
    if (payload.length < 16) return protocolError(host, `an error frame of ${payload.length} bytes`);
    const textBytes = payload.readUInt32LE(12);
    if (textBytes > MOST_ERROR_TEXT_BYTES) return protocolError(host, `an error text of ${textBytes} bytes`);
    const text = (await reader.read(textBytes)).toString().replace(/\0+$/, '');
    return new NfcHostError(host, operation.doing, Number(payload.readBigUInt64LE(0)), text);
  }

  #watch(): void {
    this.#stallTimer ??= setInterval(
      () => {
        const silentMs = Date.now() - Math.max(this.#sentMs, this.#channel.reader.lastMs);
        if (silentMs < this.#stallMs) return;
        this.#end(brokenConnection(this.#channel.host, `was silent for ${Math.round(silentMs / 1000)} seconds`));
      },
      Math.min(1000, this.#stallMs / 4),
    );
  }

  #unwatch(): void {
    clearInterval(this.#stallTimer);
    this.#stallTimer = undefined;
  }

  /** Ends the connection, and fails all operations. */
  #end(error: unknown): void {
    this.#failure ??= { error };
    this.#unwatch();
    this.#channel.destroy(this.#failure.error);
    const operations = [...this.#operations.values()];
    this.#operations.clear();
    for (const operation of operations) operation.fail(this.#failure.error);
  }
}

/** The answers that begin with a status, which is 0 on success. */
const WITH_STATUS: ReadonlySet<number> = new Set([FRAME_TYPE.openFile, FRAME_TYPE.read, FRAME_TYPE.allocated]);

function requireGoodStatus(host: string, { type, doing }: Operation, payload: Buffer): void {
  if (!WITH_STATUS.has(type) || payload.length < 8) return;
  const status = payload.readBigUInt64LE(0);
  if (status !== 0n) throw new NfcUnavailableError(`${host} refused ${doing} with status ${status}`);
}
