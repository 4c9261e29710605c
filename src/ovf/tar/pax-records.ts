import { decodeText, TarBlockFault } from './tar-block.ts';

/**
 * Decodes the records of a pax extended header: `<length> <key>=<value>\n` each, where the length includes its own
 * digits (POSIX.1-2017, `pax`). The last record of a key wins.
 * @throws a {@link TarBlockFault}.
 */
export function decodePaxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(0x20, at);
    const digits = blank < 0 || blank - at > 8 ? '' : decodeText(bytes.subarray(at, blank));
    const end = at + Number(digits);
    const isComplete = /^[1-9]\d*$/.test(digits) && end <= bytes.length && end > blank + 1 && bytes[end - 1] === 0x0a;
    const equals = isComplete ? bytes.subarray(blank + 1, end - 1).indexOf(0x3d) : -1;
    if (equals < 1) throw new TarBlockFault('has a malformed pax header');
    const key = decodeText(bytes.subarray(blank + 1, blank + 1 + equals));
    records.set(key, decodeText(bytes.subarray(blank + 2 + equals, end - 1)));
    at = end;
  }
  return records;
}
