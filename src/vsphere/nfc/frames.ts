/**
 * Frames of a session. Header of 16 bytes, little endian: uint32 magic, type, size of the payload, operation. An answer
 * has its request's type and operation. After the payload comes an extra, which the size does not count.
 */
export const FRAME_TYPE = {
  error: 1,
  openSession: 2,
  closeSession: 3,
  openFile: 4,
  closeFile: 5,
  read: 7,
  socketOptions: 9,
  allocated: 13,
  resourcePool: 22,
} as const;

export const HEADER_BYTES = 16;
const MAGIC = 0xa1_00_da_7a;

/** Operation and content of a frame of the server. */
export interface FrameHeader {
  type: number;
  sizeBytes: number;
  operation: number;
}

/** Undefined for bytes that are not a header. */
export function decodeHeader(bytes: Buffer): FrameHeader | undefined {
  if (bytes.readUInt32LE(0) !== MAGIC) return undefined;
  return { type: bytes.readUInt32LE(4), sizeBytes: bytes.readUInt32LE(8), operation: bytes.readUInt32LE(12) };
}

export function encodeFrame(type: number, operation: number, payload: Buffer, extra?: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(type, 4);
  header.writeUInt32LE(payload.length, 8);
  header.writeUInt32LE(operation, 12);
  return Buffer.concat(extra ? [header, payload, extra] : [header, payload]);
}

/** How the bytes of a fragment are packed. Zero runs cost the host almost nothing; its zlib is slower than most links. */
export const PACKING = { none: 0, zeroRuns: 3 } as const;

/** Buffers of a session: 1 MiB in total, so that 48 sessions fit into the 48 MiB that a host of version 6 or 7 has for them. */
export const BUFFER_BYTES = 256 * 1024;
const BUFFER_COUNT = 4;

export function encodeOpenSession(): Buffer {
  const payload = Buffer.alloc(16);
  payload.writeUInt32LE(BUFFER_BYTES, 4);
  payload.writeUInt32LE(BUFFER_COUNT, 8);
  return payload;
}

export function encodeResourcePool(): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(1, 0);
  return payload;
}

const DISK_FILE = 2;
const READ_ONLY = 0x1e;

export function encodeOpenFile(path: Uint8Array): Buffer {
  const payload = Buffer.alloc(60);
  payload.writeUInt32LE(path.length, 0);
  payload.writeUInt32LE(DISK_FILE, 16);
  payload.writeUInt32LE(READ_ONLY, 20);
  return payload;
}

/** An opened file. */
export interface OpenedFile {
  /** 8 opaque bytes. */
  handle: Buffer;
  capacityBytes: number;
  sectorBytes: number;
}

export const OPEN_FILE_BYTES = 60;

export function decodeOpenFile(payload: Buffer): OpenedFile {
  return {
    handle: Buffer.from(payload.subarray(8, 16)),
    capacityBytes: Number(payload.readBigUInt64LE(28)),
    sectorBytes: payload.readUInt32LE(36),
  };
}

const READ = 1;

export function encodeRead(handle: Buffer, offsetBytes: number, lengthBytes: number): Buffer {
  const payload = Buffer.alloc(44);
  handle.copy(payload, 0);
  payload.writeUInt32LE(READ, 8);
  payload.writeUInt32LE(PACKING.zeroRuns, 12);
  payload.writeBigUInt64LE(BigInt(offsetBytes), 16);
  payload.writeBigUInt64LE(BigInt(lengthBytes), 24);
  payload.writeUInt32LE(lengthBytes, 32);
  payload.writeUInt32LE(lengthBytes, 36);
  return payload;
}

/** A part of the answer to a read. */
export interface Fragment {
  packing: number;
  /** Offset of the request. */
  offsetBytes: bigint;
  totalBytes: number;
  /** Place in the request. */
  placeBytes: number;
  lengthBytes: number;
  extraBytes: number;
}

export const FRAGMENT_BYTES = 44;

export function decodeFragment(payload: Buffer): Fragment {
  return {
    packing: payload.readUInt32LE(12),
    offsetBytes: payload.readBigUInt64LE(16),
    totalBytes: payload.readUInt32LE(24),
    placeBytes: payload.readUInt32LE(28),
    lengthBytes: payload.readUInt32LE(32),
    extraBytes: payload.readUInt32LE(36),
  };
}

export const ALLOCATED_BYTES = 48;

export function encodeAllocated(handle: Buffer, chunkBytes: number, startBytes: number, chunks: number): Buffer {
  const payload = Buffer.alloc(ALLOCATED_BYTES);
  handle.copy(payload, 0);
  payload.writeBigUInt64LE(BigInt(chunkBytes), 16);
  payload.writeBigUInt64LE(BigInt(startBytes), 24);
  payload.writeBigUInt64LE(BigInt(chunks), 32);
  return payload;
}

/** The bitmap has one bit for each chunk, and is padded to 4 bytes. */
export function bitmapBytes(chunks: number): number {
  return Math.ceil(Math.ceil(chunks / 8) / 4) * 4;
}
