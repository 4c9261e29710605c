/** The fields of a VMDK's embedded text descriptor; undefined for a missing field. */
export interface VmdkDescriptorFacts {
  text: string;
  /** Content ID, 8 hexadecimal digits. */
  cid: string | undefined;
  /** `ffffffff` for a disk without a parent. */
  parentCid: string | undefined;
  createType: string | undefined;
}

/**
 * Reads the `key=value` lines of the descriptor. The relevant keys are ASCII in every encoding in use, so the bytes are
 * decoded as UTF-8 regardless of the declared encoding. NULs pad the text to complete sectors.
 */
export function readDescriptorFacts(bytes: Uint8Array): VmdkDescriptorFacts {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  const values = descriptorValues(text);
  return { text, cid: values.get('cid'), parentCid: values.get('parentcid'), createType: values.get('createtype') };
}

/** Returns the values of the `key=value` lines by key, in lower case. The last value of a repeated key wins. */
export function descriptorValues(text: string): Map<string, string> {
  const values = new Map<string, string>();
  // Parses line by line instead of with one regular expression, whose time could grow quadratically with what a server
  // sends.
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) values.set(line.slice(0, equals).trim().toLowerCase(), unquoted(line.slice(equals + 1).trim()));
  }
  return values;
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
