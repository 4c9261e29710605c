import { Hyper2kvmError } from '../errors.ts';
import { partialPath } from './partial-name.ts';

/** Linux's limit, which also applies to the partial name. */
const MOST_NAME_BYTES = 255;

/**
 * Checks that `name` is one plain file name that is valid in a folder, a manifest and a tar. The caller sanitizes
 * names; this is the last check before the file system.
 * @throws Hyper2kvmError kind `internal`.
 */
export function requirePlainName(name: string): void {
  const isUnsafe = name === '' || name === '.' || name === '..' || /[/\0\r\n]/.test(name);
  if (isUnsafe || Buffer.byteLength(partialPath(name)) > MOST_NAME_BYTES) {
    throw new Hyper2kvmError('internal', `${JSON.stringify(name)} is not a valid name for a file of a package.`);
  }
}
