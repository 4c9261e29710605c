/**
 * Decodes an XML document. The encoding is that of the byte order mark, otherwise that of the XML declaration,
 * otherwise UTF-8 (XML 1.0, 4.3.3 and appendix F). Undefined if the encoding is unknown or the bytes are not valid in
 * it.
 */
export function decodeXml(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(head)?.[1] ?? 'utf-8';
  // Text of a Windows program that was converted later: a declaration in actual UTF-16 could not have been matched
  // here.
  return /^utf-?16/i.test(declared) ? 'utf-8' : declared;
}
