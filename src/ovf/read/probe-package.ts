import { startsGzip } from '../files/gzip-stream.ts';
import { hasValidChecksum, isZeroBlock } from '../tar/tar-block.ts';
import { BLOCK_BYTES } from '../tar/tar-header.ts';
import { decodeXml } from '../../base/xml/decode-xml.ts';

/** Number of bytes that {@link probePackage} inspects. */
export const PROBE_BYTES = 4096;

/**
 * Detects the kind of package from the first {@link PROBE_BYTES} bytes of a file; undefined if it is not a package.
 * `gzip` is any compressed file, which is a package only if it contains a tar.
 */
export function probePackage(head: Uint8Array): 'ovf' | 'ova' | 'gzip' | undefined {
  if (startsGzip(head)) return 'gzip';
  const block = head.subarray(0, BLOCK_BYTES);
  if (block.length === BLOCK_BYTES && !isZeroBlock(block) && hasValidChecksum(block)) return 'ova';
  // The last character can be truncated.
  const text = decodeXml(head) ?? Buffer.from(head).toString('latin1');
  // An HTML page that a server sends instead of a file can also be XML.
  if (/^\s*(<\?xml[^>]*>\s*)?<(!doctype\s+)?html\b/i.test(text)) return undefined;
  return /^\s*(\xef\xbb\xbf)?<(\?xml|!--|(\w+:)?Envelope\s)/.test(text) ? 'ovf' : undefined;
}
