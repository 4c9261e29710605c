import { duplexPair, type Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Hyper2kvmError, sentenceOf } from '../../../src/base/errors.ts';
import { logInToAuthd, readGreeting } from '../../../src/vsphere/nfc/authd.ts';
import { shakeHands } from '../../../src/vsphere/nfc/classic-handshake.ts';
import { HostBudget } from '../../../src/vsphere/nfc/host-budget.ts';
import { NfcChannel } from '../../../src/vsphere/nfc/nfc-channel.ts';
import { NfcDisk } from '../../../src/vsphere/nfc/nfc-disk.ts';
import { NfcSession } from '../../../src/vsphere/nfc/nfc-session.ts';
import { StreamReader } from '../../../src/vsphere/nfc/stream-reader.ts';
import { seededRandom, type Random } from '../../fuzz/random.ts';
import {
  fragment,
  GREETING,
  packZeroRuns,
  PEER_FINGERPRINT,
  readOf,
  serveAuthd,
  serveNfc,
  type PeerRequest,
} from './nfc-peer.ts';

/** The connection of a case fails when it is silent for this long; in memory, answers come at once. */
const SILENCE_MS = 60;
const CAPACITY_BYTES = 96 * 1024;
/** Frame head and fragment head: a change behind them is a change of content, which only TLS can detect. */
const HEAD_BYTES = 60;

/** What became of one case. */
export type FuzzEnd = 'content' | 'refused';

/** Content that differs in each 16 bytes, with holes. */
export const FUZZ_CONTENT = Buffer.alloc(CAPACITY_BYTES);
for (let at = 0; at < CAPACITY_BYTES; at += 16) {
  if (Math.floor(at / 5000) % 3 !== 0) FUZZ_CONTENT.write(String(at).padStart(16, 'x'), at, 'latin1');
}

/** Changes one message that the host sends: some bits of its head, its length, or how often it is sent. */
function mutator(random: Random): (bytes: Buffer) => Buffer {
  let isUntouched = true;
  return (bytes) => {
    if (!isUntouched || random(9) !== 0) return bytes;
    isUntouched = false;
    const head = Math.min(bytes.length, HEAD_BYTES);
    const changed = Buffer.from(bytes);
    switch (random(7)) {
      case 0: {
        const at = random(head);
        changed[at] = (changed[at] ?? 0) ^ (1 << random(8));
        return changed;
      }
      case 1:
        changed.fill(random(2) * 255, random(head), head);
        return changed;
      case 2:
        if (head >= 4) changed.writeUInt32LE(random(2 ** 31) * 2, random(head - 3));
        return changed;
      case 3:
        return changed.subarray(0, random(bytes.length));
      case 4:
        return Buffer.concat([changed, changed]);
      case 5:
        return Buffer.concat([Buffer.alloc(random(300), random(256)), changed]);
      default:
        return Buffer.alloc(0);
    }
  };
}

/**
 * Runs one conversation with a host whose messages are changed at random.
 * @throws unless it ends with the right content or with an error of this program.
 */
export async function runNfcCase(seed: number): Promise<FuzzEnd> {
  const random = seededRandom(seed);
  try {
    await (random(4) === 0 ? talkToAuthd(random) : readDisk(random));
    return 'content';
  } catch (error) {
    if (error instanceof Hyper2kvmError) return 'refused';
    throw new Error(`seed ${seed}: ${sentenceOf(error)}`, { cause: error });
  }
}

/** A socket in memory, with the methods of TLS that the client uses. */
function asSocket(stream: Duplex): TLSSocket {
  const socket = Object.assign(stream, {
    destroySoon: () => void stream.destroy(),
    getPeerCertificate: () => ({ fingerprint256: PEER_FINGERPRINT }),
  });
  stream.on('error', () => undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return socket as unknown as TLSSocket;
}

async function talkToAuthd(random: Random): Promise<void> {
  const [near, far] = duplexPair();
  const socket = asSocket(near);
  const mutate = mutator(random);
  far.on('error', () => undefined);
  const reader = new StreamReader(socket, 'host');
  const limit = setTimeout(() => socket.destroy(), SILENCE_MS);
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  far.write(mutate(Buffer.from(`${GREETING}\r\n`)));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  serveAuthd(far as unknown as Socket, {}, [], mutate).catch(() => undefined);
  try {
    const greeting = await readGreeting(reader, 'host').finally(() => reader.detach());
    const ticket = {
      url: new URL('https://host:902'),
      thumbprint: undefined,
      judgedAs: 'host:902',
      service: 'nfc',
      sessionId: 'ticket',
    };
    await logInToAuthd(socket, 'host', { ticket, greeting });
  } finally {
    clearTimeout(limit);
    socket.destroy();
    far.destroy();
    await closed;
  }
}

async function readDisk(random: Random): Promise<void> {
  const [near, far] = duplexPair();
  const channel = new NfcChannel(asSocket(near), 'host', 'PlainText');
  const options = {
    capacityBytes: CAPACITY_BYTES,
    onFrame: (request: PeerRequest): boolean => answerRead(request, random),
  };
  serveNfc(asSocket(far), options, [], mutator(random)).catch(() => undefined);
  const limit = setTimeout(() => channel.destroy(new Hyper2kvmError('transfer', 'late')), SILENCE_MS);
  try {
    await shakeHands(channel);
    const session = new NfcSession(channel, SILENCE_MS);
    await session.open();
    const file = await session.openFile('[ds] a/a.vmdk');
    clearTimeout(limit);
    const isOpen = file.capacityBytes === CAPACITY_BYTES && file.sectorBytes === 512;
    if (!isOpen) throw new Hyper2kvmError('transfer', 'another disk');
    await using disk = new NfcDisk(session, { host: 'host', file, budget: HostBudget.of('fuzz'), depth: 8 }, () => {});
    const { signal } = new AbortController();
    for await (const { lengthBytes } of disk.allocatedBlocks(signal))
      if (lengthBytes === 0) throw new Error('an empty range');
    const bytes = Buffer.alloc(CAPACITY_BYTES, 0xee);
    const steps = [0, 8192, 65_536].map((from, index, all) =>
      disk.read(from, bytes.subarray(from, all[index + 1] ?? CAPACITY_BYTES), signal),
    );
    const ends = await Promise.allSettled(steps);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    if (!bytes.equals(FUZZ_CONTENT)) throw new Error('the content is wrong');
  } finally {
    clearTimeout(limit);
    channel.destroy(new Hyper2kvmError('transfer', 'the case is over'));
    far.destroy();
  }
}

/** Fragments of several sizes, packed or not, in another order for each case. */
function answerRead(request: PeerRequest, random: Random): boolean {
  if (request.type !== 7) return false;
  const { offset, length } = readOf(request);
  const size = 512 * (1 + random(40));
  const places = Array.from({ length: Math.ceil(length / size) }, (_, index) => index * size);
  if (random(2) === 0) places.reverse();
  for (const place of places) {
    const bytes = FUZZ_CONTENT.subarray(offset + place, offset + Math.min(place + size, length));
    const packed = packZeroRuns(bytes);
    if (packed.length < bytes.length) fragment(request, place, bytes, { packing: 3, extra: packed });
    else fragment(request, place, bytes, { packing: random(2) * 3 });
  }
  return true;
}
