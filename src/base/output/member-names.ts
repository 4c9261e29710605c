import { Hyper2kvmError } from '../errors.ts';

/** What stands after a name until the package is whole. */
export const PARTIAL_SUFFIX = '.partial';

/**
 * Throws kind `internal` unless `name` is one plain file name that can stand in a folder, a manifest and a tar: the caller makes names
 * safe, and this is the last door before the disk. 255 bytes with `.partial` is Linux's limit.
 */
export function requirePlainName(name: string): void {
  const unsafe = name === '' || name === '.' || name === '..' || /[/\0\r\n]/.test(name);
  if (unsafe || Buffer.byteLength(name + PARTIAL_SUFFIX) > 255) {
    throw new Hyper2kvmError('internal', `${JSON.stringify(name)} cannot be the name of a package's file.`);
  }
}

/** Members in the order of a package: disks first, then the rest, `disk-2` before `disk-10`. */
export function inPackageOrder<Member extends { name: string }>(members: Iterable<Member>): Member[] {
  const order = new Intl.Collator('en', { numeric: true });
  const rank = ({ name }: Member): number => (name.toLowerCase().endsWith('.vmdk') ? 0 : 1);
  return [...members].toSorted((a, b) => rank(a) - rank(b) || order.compare(a.name, b.name));
}
