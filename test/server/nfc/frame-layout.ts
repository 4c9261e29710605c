/** The frames that follow message 52. All numbers are little endian. */
export const MAGIC = 0xa100_da7a;
export const HEADER_BYTES = 16;

export const FRAME = {
  error: 1,
  openSession: 2,
  closeSession: 3,
  openFile: 4,
  closeFile: 5,
  read: 7,
  socketOptions: 9,
  descriptorValue: 11,
  allocatedBlocks: 13,
  resourcePool: 22,
} as const;

/** The payload sizes of each request. */
export const PAYLOAD_BYTES: Readonly<Record<number, readonly number[]>> = {
  [FRAME.openSession]: [16],
  [FRAME.closeSession]: [4, 16],
  [FRAME.openFile]: [60],
  [FRAME.closeFile]: [8, 16],
  [FRAME.read]: [44],
  [FRAME.socketOptions]: [12],
  [FRAME.descriptorValue]: [16],
  [FRAME.allocatedBlocks]: [48],
  [FRAME.resourcePool]: [4],
};

/** The codes in error frames. */
export const ERROR = {
  /** Everything without a code of its own, such as a file that is locked. */
  general: 1,
  outOfMemory: 5,
  permission: 11,
  readFailure: 13,
} as const;

export const PACKING = { none: 0, zlib: 1, fastLz: 2, zeroRun: 3 } as const;

/** The length of a read's answer without its data. */
export const READ_BYTES = 44;

export function header(type: number, payloadBytes: number, operation: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(type, 4);
  bytes.writeUInt32LE(payloadBytes, 8);
  bytes.writeUInt32LE(operation, 12);
  return bytes;
}

export function frame(type: number, operation: number, payload: Buffer, extra?: Buffer): Buffer {
  const parts = [header(type, payload.length, operation), payload];
  return Buffer.concat(extra === undefined ? parts : [...parts, extra]);
}

export function errorFrame(operation: number, code: number, text: string): Buffer {
  const payload = Buffer.alloc(16);
  const extra = Buffer.from(text, 'utf8');
  payload.writeBigUInt64LE(BigInt(code), 0);
  payload.writeUInt32LE(extra.length, 12);
  return frame(FRAME.error, operation, payload, extra);
}

/** A request to open a file. */
export interface OpenRequest {
  pathBytes: number;
  type: number;
  flags: number;
  /** Whether all other bytes are zero. */
  isRestZero: boolean;
}

export const DISK_TYPE = 2;
export const READ_ONLY_FLAGS = 0x1e;

export function readOpenRequest(payload: Buffer): OpenRequest {
  return {
    pathBytes: payload.readUInt32LE(0),
    type: payload.readUInt32LE(16),
    flags: payload.readUInt32LE(20),
    isRestZero: [...payload.subarray(4, 16), ...payload.subarray(24)].every((byte) => byte === 0),
  };
}

export function openAnswer(handle: Buffer, capacityBytes: bigint, status: number): Buffer {
  const payload = Buffer.alloc(60);
  payload.writeBigUInt64LE(BigInt(status), 0);
  handle.copy(payload, 8);
  payload.writeUInt32LE(DISK_TYPE, 16);
  payload.writeUInt32LE(READ_ONLY_FLAGS, 20);
  payload.writeBigUInt64LE(capacityBytes, 28);
  const [heads, sectors] = [255, 63];
  const cylinders = Number(capacityBytes / BigInt(heads * sectors * 512));
  [512, Math.min(cylinders, 0xffff_ffff), heads, sectors].forEach((value, index) =>
    payload.writeUInt32LE(value, 36 + index * 4),
  );
  return payload;
}

/** A request to read from an open file. */
export interface ReadRequest {
  operation: number;
  /** The low half of the opcode: 1 is a read. */
  opcode: number;
  /** The requested packing. */
  packing: number;
  offset: bigint;
  /** The length, which the request contains three times. */
  lengths: readonly bigint[];
  isRestZero: boolean;
}

export function readReadRequest(payload: Buffer, operation: number): ReadRequest {
  return {
    operation,
    opcode: payload.readUInt32LE(8),
    packing: payload.readUInt32LE(12),
    offset: payload.readBigUInt64LE(16),
    lengths: [payload.readBigUInt64LE(24), BigInt(payload.readUInt32LE(32)), BigInt(payload.readUInt32LE(36))],
    isRestZero: payload.readUInt32LE(40) === 0,
  };
}

/** The fields of one fragment of the answer to a read. */
export interface FragmentFields {
  status: number;
  packing: number;
  /** The offset of the read in the disk. */
  offset: bigint;
  /** The length of the read. */
  total: number;
  /** Where the fragment begins in the read. */
  place: number;
  length: number;
  extraBytes: number;
}

/** The header and the payload of a fragment. */
export function fragmentHead(operation: number, fields: FragmentFields): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + READ_BYTES);
  header(FRAME.read, READ_BYTES, operation).copy(bytes);
  const payload = bytes.subarray(HEADER_BYTES);
  payload.writeBigUInt64LE(BigInt(fields.status), 0);
  payload.writeUInt32LE(1, 8);
  payload.writeUInt32LE(fields.packing, 12);
  payload.writeBigUInt64LE(fields.offset, 16);
  payload.writeUInt32LE(fields.total, 24);
  payload.writeUInt32LE(fields.place, 28);
  payload.writeUInt32LE(fields.length, 32);
  payload.writeUInt32LE(fields.extraBytes, 36);
  return bytes;
}

/** A question for allocated blocks. */
export interface BlocksRequest {
  chunkBytes: bigint;
  startBytes: bigint;
  count: bigint;
  isRestZero: boolean;
}

export function readBlocksRequest(payload: Buffer): BlocksRequest {
  return {
    chunkBytes: payload.readBigUInt64LE(16),
    startBytes: payload.readBigUInt64LE(24),
    count: payload.readBigUInt64LE(32),
    isRestZero: payload.readBigUInt64LE(8) === 0n && payload.readBigUInt64LE(40) === 0n,
  };
}

export function blocksAnswer(count: number): Buffer {
  const payload = Buffer.alloc(48);
  payload.writeBigUInt64LE(BigInt(count), 32);
  return payload;
}
