import type { SourceFile } from '../file/source-file.ts';
import { parentNames } from '../file/windows-path.ts';
import { guidText } from './header.ts';

/** The reference of a differencing disk to its parent. */
export interface ParentLocator {
  /** Valid DataWriteGuids of the parent. The second one is valid while the parent is being rewritten. */
  guids: readonly string[];
  /** Candidate file names, best first. */
  names: readonly string[];
}

/** The only defined locator type: key-value pairs of text. */
const VHDX_TYPE = 'b04aefb7-d19e-4a81-b789-25b8e9445913';
const HEADER_BYTES = 20;
const ENTRY_BYTES = 12;

/**
 * Reads the keys and values, which are UTF-16LE. Source: MS-VHDX 2.6.2.6 "Parent Locator Item".
 *
 *     0 type   18 count u16   20 entries: key offset u32, value offset u32, key length u16, value length u16
 */
export function parseParentLocator(source: SourceFile, bytes: Buffer, at: number): ParentLocator {
  if (guidText(bytes, 0) !== VHDX_TYPE) throw source.fault(at, 'its parent locator is of an unknown type');
  const values = new Map<string, string>();
  const count = bytes.readUInt16LE(18);
  if (HEADER_BYTES + count * ENTRY_BYTES > bytes.length) {
    throw source.fault(at + 18, `its parent locator has no space for ${count} entries`);
  }
  for (let number = 0; number < count; number++) {
    const entry = bytes.subarray(HEADER_BYTES + number * ENTRY_BYTES);
    const text = (offset: number, length: number): string => bytes.toString('utf16le', offset, offset + length);
    const key = text(entry.readUInt32LE(0), entry.readUInt16LE(8));
    values.set(key, text(entry.readUInt32LE(4), entry.readUInt16LE(10)));
  }
  const present = (...keys: string[]): string[] => keys.flatMap((key) => values.get(key) ?? []);
  return {
    guids: present('parent_linkage', 'parent_linkage2').map((guid) => guid.replace(/[{}]/g, '').toLowerCase()),
    names: parentNames(present('relative_path'), present('absolute_win32_path', 'volume_path')),
  };
}
