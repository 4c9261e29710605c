import { Hyper2kvmError } from '../errors.ts';
import { partialPath } from './partial-name.ts';

/** Linux's limit, for the partial name too. */
const MOST_NAME_BYTES = 255;

/**
 * Throws kind `internal` unless `name` is one plain file name that can be in a folder, a manifest and a tar: the caller makes names
 * safe, and this is the last check before the disk.
 */
export function requirePlainName(name: string): void {
  const isUnsafe = name === '' || name === '.' || name === '..' || /[/\0\r\n]/.test(name);
  if (isUnsafe || Buffer.byteLength(partialPath(name)) > MOST_NAME_BYTES) {
    throw new Hyper2kvmError('internal', `${JSON.stringify(name)} is not a valid name for a file of a package.`);
  }
}
