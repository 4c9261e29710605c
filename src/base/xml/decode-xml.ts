/**
 * The text of an XML document: by its byte order mark, else by the encoding that its declaration names, else UTF-8 (XML 1.0, 4.3.3 and appendix F). Undefined
 * when the bytes are not in that encoding, or it is unknown.
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
  // Text of Windows programs that was converted since: in UTF-16 these bytes would not have been read as a declaration.
  return /^utf-?16/i.test(declared) ? 'utf-8' : declared;
}
