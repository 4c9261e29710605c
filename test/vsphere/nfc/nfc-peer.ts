import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { LentSocket } from '../../../src/vsphere/nfc/authd.ts';
import { StreamReader } from '../../../src/vsphere/nfc/stream-reader.ts';
import { selfSignedCertificate, thumbprintOf, type ServerCertificate } from '../../server/certificate.ts';

/** The certificate of the peer, and one of somebody else. */
export const PEER_CERTIFICATE = selfSignedCertificate({ commonName: 'peer', hosts: ['127.0.0.1'] });
/** SHA-256 of the peer's certificate. */
export const PEER_FINGERPRINT = thumbprintOf(PEER_CERTIFICATE.certificatePem, 'sha256');
const OTHER_CERTIFICATE = selfSignedCertificate({ commonName: 'other', hosts: ['127.0.0.1'] });

export const GREETING =
  '220 VMware Authentication Daemon Version 1.10: SSL Required, ServerDaemonProtocol:SOAP, MKSDisplayProtocol:VNC , VMXARGS supported, NFCSSL supported/t, SHA256 supported';

export const PEER_CAPACITY = 3 * 1024 * 1024 + 512;
export const HANDLE = 0xfedc_ba98_7654_3210n;

/** A frame that arrived, and where to answer. */
export interface PeerRequest {
  type: number;
  operation: number;
  payload: Buffer;
  extra: Buffer;
  /** Sends a frame of the same type and operation. */
  answer: (payload: Buffer, extra?: Uint8Array) => void;
  /** Sends bytes as they are. */
  raw: (bytes: Uint8Array) => void;
}

export interface PeerOptions {
  greeting?: string;
  /** The answers of the daemon to its commands. */
  session?: string;
  thumbprint?: string;
  proxy?: string;
  wrongCertificate?: 'first' | 'second';
  version?: number;
  /** 36 is sent only after 51 has arrived. */
  lateHello?: boolean;
  /** Called for each frame. Returns false to have the peer answer in the ordinary way. */
  onFrame?: (request: PeerRequest) => boolean | Promise<boolean>;
  /** The bytes of all reads; zeros when unset. */
  content?: Buffer;
  capacityBytes?: number;
  /** Mutates everything that the peer sends: of the daemon, and of the NFC server. */
  mutate?: (bytes: Buffer, part: 'authd' | 'nfc') => Buffer;
}

/** The host's side of the protocol, for tests of the client. Written from the description of the wire. */
export interface NfcPeer extends AsyncDisposable {
  readonly port: number;
  /** What arrived: the lines for the daemon, the types of messages and frames. */
  readonly seen: (string | number)[];
  connections(): number;
}

export async function startNfcPeer(options: PeerOptions = {}): Promise<NfcPeer> {
  const seen: (string | number)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, options, seen).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  return {
    port,
    seen,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const contexts = new Map<ServerCertificate, ReturnType<typeof createSecureContext>>();

async function secure(stream: Socket | LentSocket, certificate: ServerCertificate): Promise<TLSSocket> {
  const context =
    contexts.get(certificate) ?? createSecureContext({ cert: certificate.certificatePem, key: certificate.keyPem });
  contexts.set(certificate, context);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const socket = new TLSSocket(stream as Socket, { isServer: true, secureContext: context });
  socket.on('error', () => undefined);
  await once(socket, 'secure');
  return socket;
}

async function serve(raw: Socket, options: PeerOptions, seen: (string | number)[]): Promise<void> {
  const { greeting = GREETING, wrongCertificate, mutate = (bytes: Buffer) => bytes } = options;
  raw.write(mutate(Buffer.from(`${greeting}\r\n`), 'authd'));
  const lent = new LentSocket(raw);
  const first = await secure(lent, wrongCertificate === 'first' ? OTHER_CERTIFICATE : PEER_CERTIFICATE);
  // The client begins its second handshake as soon as it has the last answer.
  await serveAuthd(first, options, seen, mutate, () => lent.giveBack());
  const second = await secure(raw, wrongCertificate === 'second' ? OTHER_CERTIFICATE : PEER_CERTIFICATE);
  await serveNfc(second, options, seen, mutate);
}

/** Answers the lines of a client until the connection is handed on; `beforeLast` is called before the last answer. */
export async function serveAuthd(
  socket: Socket,
  options: PeerOptions,
  seen: (string | number)[],
  mutate: NonNullable<PeerOptions['mutate']>,
  beforeLast: () => void = () => {},
): Promise<void> {
  const reader = new StreamReader(socket, 'client');
  const say = (text: string): void => void socket.write(mutate(Buffer.from(`${text}\r\n`), 'authd'));
  for (;;) {
    const line = await reader.readLine(4096);
    if (line === undefined) throw new Error('a line that is too long');
    seen.push(line);
    if (line === 'BANNER ') say(options.session ?? '220 VMware Authentication Daemon Version 1.10');
    if (line.startsWith('THUMBPRINT_SHA2 ')) say(options.thumbprint ?? `200 ${PEER_FINGERPRINT}`);
    if (!line.startsWith('PROXY ')) continue;
    reader.detach();
    beforeLast();
    say(options.proxy ?? '200 Connect ha-nfcssl');
    return;
  }
}

/** Answers messages and frames until the end of the connection. */
export async function serveNfc(
  socket: TLSSocket,
  options: PeerOptions,
  seen: (string | number)[],
  mutate: NonNullable<PeerOptions['mutate']>,
): Promise<void> {
  const reader = new StreamReader(socket, 'client');
  const send = (bytes: Uint8Array): void => void socket.write(mutate(Buffer.from(bytes), 'nfc'));
  const classic = (type: number, value = 0): void => {
    const bytes = Buffer.alloc(264);
    bytes.writeUInt32LE(type, 0);
    bytes.writeUInt32LE(value, 4);
    send(bytes);
  };
  for (let type = 0; type !== 52;) {
    const message = await reader.read(264);
    type = message.readUInt32LE(0);
    seen.push(type);
    if (type === 33 && !options.lateHello) classic(36);
    if (type === 51) {
      if (options.lateHello) classic(36);
      classic(51, options.version ?? 9);
    }
    if (type === 54) await reader.read(message.readUInt32LE(4) + message.readUInt32LE(8));
    if (type === 52) classic(52);
  }
  for (;;) {
    const head = await reader.read(16);
    if (head.readUInt32LE(0) === 4) {
      seen.push('end');
      return;
    }
    const type = head.readUInt32LE(4);
    const operation = head.readUInt32LE(12);
    const payload = await reader.read(head.readUInt32LE(8));
    const extra = type === 4 ? await reader.read(payload.readUInt32LE(0)) : Buffer.alloc(0);
    seen.push(type);
    const answer = (body: Buffer, tail: Uint8Array = Buffer.alloc(0)): void => {
      send(Buffer.concat([frameHead(type, body.length, operation), body, tail]));
    };
    const request = { type, operation, payload, extra, answer, raw: send };
    if (!(await options.onFrame?.(request))) answerFrame(request, options);
  }
}

function frameHead(type: number, size: number, operation: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(0xa1_00_da_7a, 0);
  head.writeUInt32LE(type, 4);
  head.writeUInt32LE(size, 8);
  head.writeUInt32LE(operation, 12);
  return head;
}

const SIZES: Readonly<Record<number, number>> = { 2: 16, 9: 12, 22: 4, 5: 8, 3: 4 };

function answerFrame(request: PeerRequest, { content, capacityBytes = PEER_CAPACITY }: PeerOptions): void {
  const { type, payload, answer } = request;
  if (type === 4) {
    const opened = Buffer.alloc(60);
    opened.writeBigUInt64LE(HANDLE, 8);
    opened.writeBigUInt64LE(BigInt(capacityBytes), 28);
    opened.writeUInt32LE(512, 36);
    answer(opened);
  } else if (type === 13) {
    const count = Number(payload.readBigUInt64LE(32));
    const body = Buffer.alloc(48);
    body.writeBigUInt64LE(BigInt(count), 32);
    answer(body, Buffer.alloc(Math.ceil(Math.ceil(count / 8) / 4) * 4, 0xff));
  } else if (type === 7) {
    const { offset, length } = readOf(request);
    const bytes = content?.subarray(offset, offset + length) ?? Buffer.alloc(length);
    for (let at = 0; at < length; at += 65_536) fragment(request, at, bytes.subarray(at, at + 65_536));
  } else {
    answer(Buffer.alloc(SIZES[type] ?? 0));
  }
}

export function readOf({ payload }: PeerRequest): { offset: number; length: number } {
  return { offset: Number(payload.readBigUInt64LE(16)), length: Number(payload.readBigUInt64LE(24)) };
}

/** Sends a fragment of the answer to a read. `extra` is how it travels; the bytes themselves when unset. */
export function fragment(
  request: PeerRequest,
  place: number,
  bytes: Uint8Array,
  { packing = 0, extra = bytes, change = (_body: Buffer): void => {} } = {},
): void {
  const { offset, length } = readOf(request);
  const body = Buffer.alloc(44);
  body.writeUInt32LE(1, 8);
  body.writeUInt32LE(packing, 12);
  body.writeBigUInt64LE(BigInt(offset), 16);
  body.writeUInt32LE(length, 24);
  body.writeUInt32LE(place, 28);
  body.writeUInt32LE(bytes.length, 32);
  body.writeUInt32LE(extra.length, 36);
  change(body);
  request.answer(body, extra);
}

/** Sends an error frame. */
export function refuse(request: PeerRequest, code: number, text: string): void {
  const body = Buffer.alloc(16);
  body.writeBigUInt64LE(BigInt(code), 0);
  body.writeUInt32LE(Buffer.byteLength(text), 12);
  request.raw(Buffer.concat([frameHead(1, 16, request.operation), body, Buffer.from(text)]));
}

/** Zero runs as a host packs them: the ranges of bytes that are not zero. */
export function packZeroRuns(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [u32(bytes.length), u32(0)];
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] === 0) {
      at += 1;
      continue;
    }
    let to = at;
    while (to < bytes.length && bytes[to] !== 0) to += 1;
    pieces.push(u32(at), u32(to - at), bytes.subarray(at, to));
    at = to;
  }
  return Buffer.concat(pieces);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
