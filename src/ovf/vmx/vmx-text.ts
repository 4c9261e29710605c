/** Far more than any `.vmx` has in practice, which is a few KiB. */
export const MOST_VMX_BYTES = 2 ** 20;

/** Throws the error for a `.vmx` that cannot be used. `what` is the reason, as a clause. */
export type RefuseVmx = (what: string) => never;

/** The settings of a `.vmx` by key, in lower case. */
export type VmxValues = ReadonlyMap<string, string>;

const ENCODING = /^[ \t]*\.encoding[ \t]*=[ \t]*"([\w.: -]{1,40})"/im;
/** Keys that every VMware product writes. */
const SIGN = /^[ \t]*(?:config\.version|virtualhw\.version|\.encoding)[ \t]*=[ \t]*"/im;

/** Returns true if the first bytes of a file are those of a `.vmx`. */
export function looksLikeVmx(head: Uint8Array): boolean {
  return !head.includes(0) && SIGN.test(Buffer.from(head).toString('latin1'));
}

/**
 * Parses lines of the form `key = "value"`. The encoding is that of the line `.encoding`, otherwise UTF-8, otherwise
 * Windows-1252. Inside a value, `|22` is the character with that code. Other lines, such as comments, are ignored. A
 * key with two values is rejected, as in VMware products.
 */
export function readVmxText(bytes: Uint8Array, refuse: RefuseVmx): VmxValues {
  const values = new Map<string, string>();
  for (const line of decodeVmx(bytes, refuse).split('\n')) {
    const equals = line.indexOf('=');
    if (equals < 1 || line.trimStart().startsWith('#')) continue;
    const key = line.slice(0, equals).trim().toLowerCase();
    const value = valueIn(line.slice(equals + 1).trim());
    if (value === undefined) continue;
    const known = values.get(key);
    if (known !== undefined && known !== value) refuse(`it has two values for ${key.slice(0, 80)}`);
    values.set(key, value);
  }
  return values;
}

function decodeVmx(bytes: Uint8Array, refuse: RefuseVmx): string {
  const declared = ENCODING.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  const text =
    declared === undefined ? (decodeAs('utf-8', bytes) ?? decodeAs('windows-1252', bytes)) : decodeAs(declared, bytes);
  return text ?? refuse(`it is not valid text in its encoding, ${declared ?? 'UTF-8'}`);
}

/** Returns undefined if the encoding is unknown or the bytes are not valid in it. */
function decodeAs(encoding: string, bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function valueIn(text: string): string | undefined {
  if (!text.startsWith('"')) return text === '' ? undefined : text;
  const end = text.indexOf('"', 1);
  if (end < 0) return undefined;
  return text
    .slice(1, end)
    .replace(/\|([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
