import type { SourceFile } from '../file/source-file.ts';
import { readExtensions } from './header-extensions.ts';

/**
 * The header of a qcow2 image, big-endian. Source: qemu's docs/interop/qcow2.txt, "Header".
 *
 *     0 magic u32    4 version u32   8 backing_file_offset u64   16 backing_file_size u32   20 cluster_bits u32   24 size u64   32 crypt_method u32
 *    36 l1_size u32  40 l1_table_offset u64   (48 to 71: refcounts and snapshots, which a reader does not need)
 *    version 3:  72 incompatible_features u64   80 compatible   88 autoclear   96 refcount_order u32   100 header_length u32   104 compression_type u8
 */
export interface Qcow2Header {
  version: 2 | 3;
  clusterBytes: number;
  virtualSizeBytes: number;
  l1OffsetBytes: number;
  l1Entries: number;
  codec: 'deflate' | 'zstd';
  extendedL2: boolean;
  /** Undefined if there is no backing file. */
  backing: { name: string; format: string | undefined } | undefined;
}

export const QCOW2_MAGIC = 0x51_46_49_fb;

/** Offsets of the fields that error messages refer to. */
const AT = { version: 4, backing: 8, clusterBits: 20, size: 24, crypt: 32, l1Size: 36, l1Offset: 40, features: 72 };

/** QEMU can still read version 1, the predecessor of qcow2. */
const VERSION_HINTS = new Map([[1, 'Convert it first with: qemu-img convert -f qcow -O qcow2 IMAGE disk.qcow2']]);

const V2_HEADER_BYTES = 72;
const V3_HEADER_BYTES = 104;
const COMPRESSION_TYPE_AT = 104;

/** 512 bytes, the minimum of the format, to 2 MiB, the maximum that qemu accepts. */
const CLUSTER_BITS = { min: 9, max: 21 };
/**
 * "If the image has Extended L2 Entries then cluster_bits must be at least 14": a subcluster, 1/32 of a cluster, is
 * then one sector.
 */
const EXTENDED_MIN_CLUSTER_BITS = 14;
/** qemu's limit, 2^22 entries. The table is read in pages, so its size does not cost memory. */
const MAX_L1_BYTES = 32 * 1024 * 1024;
/** "Must not be longer than 1023 bytes." */
const MAX_BACKING_NAME_BYTES = 1023;

/** Bits of incompatible_features. The dirty bit (0) concerns refcounts, which a reader does not use. */
const FEATURE = { dirty: 0, corrupt: 1, externalData: 2, compressionType: 3, extendedL2: 4 };
const KNOWN_FEATURES = new Set<number>([FEATURE.dirty, FEATURE.compressionType, FEATURE.extendedL2]);

/** Reads and checks the header and its extensions. */
export async function readQcow2Header(source: SourceFile): Promise<Qcow2Header> {
  const head = await source.read(0, V2_HEADER_BYTES, 'its header');
  if (head.readUInt32BE(0) !== QCOW2_MAGIC) throw source.fault(0, 'the magic number of the header is missing');
  const version = head.readUInt32BE(AT.version);
  if (version !== 2 && version !== 3)
    throw source.fault(AT.version, `version ${version} is not supported (2 and 3 are)`, VERSION_HINTS.get(version));
  const clusterBits = head.readUInt32BE(AT.clusterBits);
  if (clusterBits < CLUSTER_BITS.min || clusterBits > CLUSTER_BITS.max) {
    throw source.fault(AT.clusterBits, `a cluster size of 2^${clusterBits} bytes is not between 2^9 and 2^21`);
  }
  if (head.readUInt32BE(AT.crypt) !== 0) {
    throw source.fault(AT.crypt, 'it is encrypted, which is not supported', 'Decrypt it first, with qemu-img convert.');
  }
  const clusterBytes = 2 ** clusterBits;
  const { headerBytes, features, compressionType } =
    version === 2 ? { headerBytes: V2_HEADER_BYTES, features: 0n, compressionType: 0 } : await readVersion3(source);
  if (headerBytes > clusterBytes) throw source.fault(100, `a header of ${headerBytes} bytes is larger than a cluster`);
  const backingOffset = Number(head.readBigUInt64BE(AT.backing));
  const { featureNames, backingFormat } = await readExtensions(source, headerBytes, backingOffset || clusterBytes);
  checkFeatures(source, features, featureNames);
  const extendedL2 = hasFeature(features, FEATURE.extendedL2);
  if (extendedL2 && clusterBits < EXTENDED_MIN_CLUSTER_BITS) {
    throw source.fault(AT.clusterBits, `clusters of 2^${clusterBits} bytes cannot have subclusters`);
  }
  if (hasFeature(features, FEATURE.compressionType) !== (compressionType !== 0) || compressionType > 1) {
    throw source.fault(COMPRESSION_TYPE_AT, `the compression type ${compressionType} is unknown, or not announced`);
  }
  return {
    version,
    clusterBytes,
    ...readSizes(source, head, clusterBytes, extendedL2 ? 16 : 8),
    codec: compressionType === 1 ? 'zstd' : 'deflate',
    extendedL2,
    backing: await readBackingName(source, head, backingOffset, clusterBytes, backingFormat),
  };
}

async function readVersion3(source: SourceFile) {
  const head = await source.read(0, V3_HEADER_BYTES, 'its header');
  const headerBytes = head.readUInt32BE(100);
  if (headerBytes < V3_HEADER_BYTES || headerBytes % 8 !== 0) {
    throw source.fault(100, `a header of ${headerBytes} bytes is invalid`);
  }
  const hasType = headerBytes > COMPRESSION_TYPE_AT;
  const type = hasType ? await source.read(COMPRESSION_TYPE_AT, 1, 'its header') : Buffer.alloc(1);
  return { headerBytes, features: head.readBigUInt64BE(AT.features), compressionType: type.readUInt8(0) };
}

function hasFeature(features: bigint, bit: number): boolean {
  return (features & (1n << BigInt(bit))) !== 0n;
}

/** "An implementation must fail to open an image if an unknown bit is set." */
function checkFeatures(source: SourceFile, features: bigint, names: ReadonlyMap<number, string>): void {
  if (hasFeature(features, FEATURE.corrupt)) {
    throw source.fault(AT.features, 'it is marked as corrupt', 'Try qemu-img check -r all on a copy of it.');
  }
  if (hasFeature(features, FEATURE.externalData)) {
    throw source.fault(
      AT.features,
      'its data is in an external data file, which is not supported',
      'Convert it to a single file first, with qemu-img convert.',
    );
  }
  for (let bit = 0; bit < 64; bit++) {
    if (!hasFeature(features, bit) || KNOWN_FEATURES.has(bit)) continue;
    const name = names.get(bit);
    const shown = name === undefined ? '' : ` ${JSON.stringify(name)}`;
    throw source.fault(AT.features, `it needs the feature${shown} of bit ${bit}, which is not supported`);
  }
}

function readSizes(source: SourceFile, head: Buffer, clusterBytes: number, l2EntryBytes: number) {
  const virtualSizeBytes = Number(head.readBigUInt64BE(AT.size));
  if (!Number.isSafeInteger(virtualSizeBytes)) {
    throw source.fault(AT.size, `its virtual size of ${virtualSizeBytes} bytes is over 2^53`);
  }
  const l1Entries = head.readUInt32BE(AT.l1Size);
  const l1OffsetBytes = Number(head.readBigUInt64BE(AT.l1Offset));
  if (l1Entries * 8 > MAX_L1_BYTES) throw source.fault(AT.l1Size, `an L1 table of ${l1Entries} entries is over 32 MiB`);
  const neededEntries = Math.ceil(virtualSizeBytes / clusterBytes / (clusterBytes / l2EntryBytes));
  if (l1Entries < neededEntries) {
    throw source.fault(AT.l1Size, `its L1 table has ${l1Entries} entries, and its virtual size needs ${neededEntries}`);
  }
  if (l1OffsetBytes % clusterBytes !== 0) {
    throw source.fault(AT.l1Offset, `its L1 table at byte ${l1OffsetBytes} is not aligned to a cluster`);
  }
  source.requireInside(l1OffsetBytes, neededEntries * 8, 'its L1 table', AT.l1Offset);
  return { virtualSizeBytes, l1Entries, l1OffsetBytes };
}

async function readBackingName(
  source: SourceFile,
  head: Buffer,
  offsetBytes: number,
  clusterBytes: number,
  format: string | undefined,
): Promise<Qcow2Header['backing']> {
  if (offsetBytes === 0) return undefined;
  const lengthBytes = head.readUInt32BE(16);
  if (lengthBytes > MAX_BACKING_NAME_BYTES || offsetBytes + lengthBytes > clusterBytes) {
    throw source.fault(AT.backing, 'the name of its backing file is not in its first cluster');
  }
  const name = (await source.read(offsetBytes, lengthBytes, 'the name of its backing file')).toString();
  // qemu treats an empty name as no backing file.
  return name === '' ? undefined : { name, format };
}
