import { startsGzip } from '../files/gzip-stream.ts';
import { hasValidChecksum, isZeroBlock } from '../tar/tar-block.ts';
import { BLOCK_BYTES } from '../tar/tar-header.ts';
import { decodeXml } from '../../base/xml/decode-xml.ts';

/** What {@link probePackage} wants to see of a file. */
export const PROBE_BYTES = 4096;

/**
 * What kind of package a file is by its first {@link PROBE_BYTES} bytes; undefined for no package. `gzip` is a compressed file of any kind: only in one that
 * holds a tar is there a package.
 */
export function probePackage(head: Uint8Array): 'ovf' | 'ova' | 'gzip' | undefined {
  if (startsGzip(head)) return 'gzip';
  const block = head.subarray(0, BLOCK_BYTES);
  if (block.length === BLOCK_BYTES && !isZeroBlock(block) && hasValidChecksum(block)) return 'ova';
  // The last character may be cut.
  const text = decodeXml(head) ?? Buffer.from(head).toString('latin1');
  // A page that a server sends in place of a file may be XML too.
  if (/^\s*(<\?xml[^>]*>\s*)?<(!doctype\s+)?html\b/i.test(text)) return undefined;
  return /^\s*(\xef\xbb\xbf)?<(\?xml|!--|(\w+:)?Envelope\s)/.test(text) ? 'ovf' : undefined;
}
