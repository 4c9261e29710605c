import type { SourceFile } from '../file/source-file.ts';

/**
 * The header of a VDI of version 1.1, little-endian. Source: VirtualBox's VDICore.h.
 *
 *     64 signature u32   68 version u32   72 header size u32   76 image type u32   340 map offset u32   344 data offset u32   360 sector size u32
 *    368 disk size u64  376 block size u32   380 extra bytes of a block u32   384 blocks u32   424 uuid of linked image   440 uuid of parent
 */
export interface VdiHeader {
  variant: 'dynamic' | 'static';
  virtualSizeBytes: number;
  mapOffsetBytes: number;
  dataOffsetBytes: number;
  blockBytes: number;
}

const HEADER_BYTES = 512;
const SIGNATURE = 0xbeda_107f;
const VERSION = 0x0001_0001;
const SECTOR_BYTES = 512;
const VARIANTS: Readonly<Record<number, VdiHeader['variant']>> = { 1: 'dynamic', 2: 'static' };
const UNDO = 3;
const DIFFERENCING = 4;
/** VirtualBox and qemu write 1 MiB by default. Both read other sizes. */
const BLOCK_BYTES = { min: 4096, max: 2 ** 28 };
/**
 * 64 TiB, the limit for all formats here. The map then has 2^46 / 2^20 * 4 = 2^28 bytes, of which only a few pages are
 * in memory.
 */
const MAX_VIRTUAL_BYTES = 2 ** 46;

/** Reads and checks the header. */
export async function readVdiHeader(source: SourceFile): Promise<VdiHeader> {
  const bytes = await source.read(0, HEADER_BYTES, 'its header');
  if (bytes.readUInt32LE(64) !== SIGNATURE) throw source.fault(64, 'the signature of the header is missing');
  const version = bytes.readUInt32LE(68);
  if (version !== VERSION) {
    throw source.fault(68, `version ${version >>> 16}.${version & 0xffff} is unknown (1.1 is known)`);
  }
  const variant = readVariant(source, bytes);
  const blockBytes = readBlockSize(source, bytes);
  const virtualSizeBytes = Number(bytes.readBigUInt64LE(368));
  if (virtualSizeBytes > MAX_VIRTUAL_BYTES) {
    throw source.fault(368, `its size of ${virtualSizeBytes} bytes is over 64 TiB`);
  }
  const neededBlocks = Math.ceil(virtualSizeBytes / blockBytes);
  const blocks = bytes.readUInt32LE(384);
  if (blocks < neededBlocks) {
    throw source.fault(384, `its block map has ${blocks} entries, and its size needs ${neededBlocks}`);
  }
  const mapOffsetBytes = bytes.readUInt32LE(340);
  const dataOffsetBytes = bytes.readUInt32LE(344);
  if (mapOffsetBytes < HEADER_BYTES || mapOffsetBytes % SECTOR_BYTES !== 0) {
    throw source.fault(340, `its block map cannot be at byte ${mapOffsetBytes}`);
  }
  source.requireInside(mapOffsetBytes, neededBlocks * 4, 'its block map', 340);
  if (dataOffsetBytes % SECTOR_BYTES !== 0) throw source.fault(344, 'its data is not aligned to a sector');
  return { variant, virtualSizeBytes, mapOffsetBytes, dataOffsetBytes, blockBytes };
}

function readVariant(source: SourceFile, bytes: Buffer): VdiHeader['variant'] {
  const type = bytes.readUInt32LE(76);
  const variant = VARIANTS[type];
  // A snapshot can have the type dynamic and still name a parent.
  const hasParent = bytes.subarray(424, 456).some((byte) => byte !== 0);
  if (type === UNDO || type === DIFFERENCING || (variant !== undefined && hasParent)) {
    throw source.fault(
      76,
      'it is a snapshot with a parent image, which is not supported',
      'Merge the chain into one image first, with VBoxManage clonemedium.',
    );
  }
  if (variant === undefined) throw source.fault(76, `the image type ${type} is unknown`);
  return variant;
}

function readBlockSize(source: SourceFile, bytes: Buffer): number {
  const blockBytes = bytes.readUInt32LE(376);
  // log2 is exact for powers of two in this range.
  if (blockBytes < BLOCK_BYTES.min || blockBytes > BLOCK_BYTES.max || Math.log2(blockBytes) % 1 !== 0) {
    throw source.fault(376, `a block size of ${blockBytes} bytes is not a power of two from 4 KiB to 256 MiB`);
  }
  const extraBytes = bytes.readUInt32LE(380);
  if (extraBytes !== 0) throw source.fault(380, `its blocks have ${extraBytes} extra bytes, which is not supported`);
  return blockBytes;
}
