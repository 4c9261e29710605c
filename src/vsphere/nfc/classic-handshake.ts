import { NfcUnavailableError, protocolError } from './nfc-error.ts';
import type { NfcChannel } from './nfc-channel.ts';
import { LEAST_VERSION, tooOld } from './nfc-ticket.ts';

/**
 * The messages before the session: 264 bytes, little endian, the type in the first uint32, zeros where nothing is said.
 */
const MESSAGE_BYTES = 264;

const TYPE = {
  end: 4,
  hello: 33,
  helloAnswer: 36,
  tag: 43,
  version: 51,
  startSession: 52,
  names: 54,
  mode: 55,
} as const;

/** The version that this client announces, as one of the two known clients does. */
const OWN_VERSION = 11;
/** Random-access mode. */
const RANDOM_ACCESS = 3;
const CLIENT_NAME = 'hyper2kvm';
const OPERATION_NAME = 'read';

/**
 * Agrees with the NFC server on the protocol, and switches the connection to session frames. Returns the server's
 * version.
 * @throws NfcUnavailableError.
 */
export async function shakeHands(channel: NfcChannel): Promise<number> {
  // Some hosts answer the hello only after the version has arrived, so all are sent before the first answer is read.
  if (channel.tag !== undefined)
    await channel.send(message(TYPE.tag, (bytes) => bytes.write(channel.tag ?? '', 4, 16, 'latin1')));
  await channel.send(message(TYPE.hello));
  await channel.send(message(TYPE.version, (bytes) => bytes.writeUInt32LE(OWN_VERSION, 4)));
  const version = await readVersion(channel);
  if (version < LEAST_VERSION) throw tooOld(channel.host, version);
  const names = message(TYPE.names, (bytes) => {
    bytes.writeUInt32LE(CLIENT_NAME.length, 4);
    bytes.writeUInt32LE(OPERATION_NAME.length, 8);
  });
  await channel.send(Buffer.concat([names, Buffer.from(CLIENT_NAME + OPERATION_NAME, 'latin1')]));
  await channel.send(message(TYPE.mode, (bytes) => bytes.writeUInt32LE(RANDOM_ACCESS, 4)));
  await channel.send(message(TYPE.startSession));
  await readMessage(channel, [TYPE.startSession]);
  return version;
}

/** The last message of a connection. */
export function endMessage(): Buffer {
  return message(TYPE.end);
}

/** Reads the answers to the hello and the version, in either order. */
async function readVersion(channel: NfcChannel): Promise<number> {
  const missing: number[] = [TYPE.helloAnswer, TYPE.version];
  let version = 0;
  while (missing.length > 0) {
    const { type, bytes } = await readMessage(channel, missing);
    missing.splice(missing.indexOf(type), 1);
    if (type === TYPE.version) version = bytes.readUInt32LE(4);
  }
  return version;
}

async function readMessage(
  { reader, host }: NfcChannel,
  expected: readonly number[],
): Promise<{ type: number; bytes: Buffer }> {
  const bytes = await reader.read(MESSAGE_BYTES);
  const type = bytes.readUInt32LE(0);
  if (expected.includes(type)) return { type, bytes };
  if (type === TYPE.end) throw new NfcUnavailableError(`${host} refused the session after the login`);
  throw protocolError(host, `message ${type} instead of ${expected.join(' or ')}`);
}

function message(type: number, fill?: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  bytes.writeUInt32LE(type, 0);
  fill?.(bytes);
  return bytes;
}
