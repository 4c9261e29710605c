import { PAGE_BYTES, type SourceFile } from '../file/source-file.ts';

/** The header extensions. Source: qemu's docs/interop/qcow2.txt, "Header extensions". */
export interface HeaderExtensions {
  /** Names of the incompatible features by bit number, as recorded by the program that wrote the image. */
  featureNames: ReadonlyMap<number, string>;
  backingFormat: string | undefined;
}

const END = 0;
const BACKING_FORMAT = 0xe2_79_2a_ca;
const FEATURE_NAMES = 0x68_03_f8_57;

/** One byte for the feature type, one for the bit number, and 46 for the name. */
const FEATURE_ENTRY_BYTES = 48;
/** Three bitmaps of 64 features each are the maximum of a table. */
const MAX_FEATURES = 192;

/** Reads the extensions between `startBytes` and `endBytes`. Unknown ones "can be safely ignored". */
export async function readExtensions(
  source: SourceFile,
  startBytes: number,
  endBytes: number,
): Promise<HeaderExtensions> {
  let featureNames = new Map<number, string>();
  let backingFormat: string | undefined;
  // The loop is bounded: a header extension has at least 8 bytes, and a cluster at most 2 MiB.
  for (let at = startBytes; at + 8 <= Math.min(endBytes, source.sizeBytes);) {
    const head = await source.read(at, 8, 'a header extension');
    const type = head.readUInt32BE(0);
    const lengthBytes = head.readUInt32BE(4);
    if (type === END) break;
    if (at + 8 + lengthBytes > endBytes) {
      throw source.fault(at, `a header extension of ${lengthBytes} bytes is larger than the space for it`);
    }
    const readable = Math.min(lengthBytes, MAX_FEATURES * FEATURE_ENTRY_BYTES, PAGE_BYTES);
    if (type === BACKING_FORMAT) backingFormat = (await source.read(at + 8, readable, 'its backing format')).toString();
    if (type === FEATURE_NAMES)
      featureNames = parseFeatureNames(await source.read(at + 8, readable, 'its feature names'));
    at += 8 + Math.ceil(lengthBytes / 8) * 8;
  }
  return { featureNames, backingFormat };
}

function parseFeatureNames(bytes: Buffer): Map<number, string> {
  const names = new Map<number, string>();
  for (let at = 0; at + FEATURE_ENTRY_BYTES <= bytes.length; at += FEATURE_ENTRY_BYTES) {
    const [name = ''] = bytes.toString('utf8', at + 2, at + FEATURE_ENTRY_BYTES).split('\0', 1);
    if (bytes[at] === 0) names.set(bytes.readUInt8(at + 1), name);
  }
  return names;
}
