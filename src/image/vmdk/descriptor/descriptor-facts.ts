/** What the text descriptor inside a VMDK says about it; a field that is not there is undefined. */
export interface VmdkDescriptorFacts {
  text: string;
  /** Content id, 8 hex digits. */
  cid: string | undefined;
  /** `ffffffff` for a disk without a parent. */
  parentCid: string | undefined;
  createType: string | undefined;
}

/**
 * Reads the descriptor's `key=value` lines. The names that matter are ASCII in every encoding that is met, so the bytes are
 * taken as UTF-8 without asking; NULs fill the rest of its sectors.
 */
export function readDescriptorFacts(bytes: Uint8Array): VmdkDescriptorFacts {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  const values = descriptorValues(text);
  return { text, cid: values.get('cid'), parentCid: values.get('parentcid'), createType: values.get('createtype') };
}

/** The `key=value` lines by their keys, which are put in lower case; of a repeated key, the last. */
export function descriptorValues(text: string): Map<string, string> {
  const values = new Map<string, string>();
  // Line by line, not by one expression: its time must not grow with the square of what a server sends.
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) values.set(line.slice(0, equals).trim().toLowerCase(), unquoted(line.slice(equals + 1).trim()));
  }
  return values;
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
