import { createHash } from 'node:crypto';

/** A VM's name, and what distinguishes it from VMs whose names become equal where fewer characters are allowed. */
export interface NamedVm {
  /** The source's name: any text. */
  name: string;
  /**
   * The instance UUID, or another id that stays the same for the lifetime of the VM; undefined if the source has
   * none.
   */
  identity?: string | undefined;
  /** Another VM of the source has the same name. */
  sharesName?: boolean | undefined;
}

const DIGITS = 8;
/** The length that {@link vmNameFor} reserves for a suffix. */
export const NAME_SUFFIX_CHARACTERS = DIGITS + 1;

/**
 * The name of a VM under the rules of `clean`, which turns any text into an allowed name of at most so many
 * characters or bytes. A name that `clean` changes, or that two VMs share, gets a piece of the VM's identity:
 * `Web_01` and `web-01` must not become the same VM. A VM has the same name in every run, whichever other VMs are in
 * it.
 */
export function vmNameFor(vm: NamedVm, most: number, clean: (text: string, most: number) => string): string {
  const plain = clean(vm.name, most);
  if (plain === vm.name && vm.sharesName !== true) return plain;
  return `${clean(vm.name, most - NAME_SUFFIX_CHARACTERS)}-${pieceOf(vm)}`;
}

/** The end of a UUID, because vCenter begins all instance UUIDs alike. */
function pieceOf({ name, identity }: NamedVm): string {
  const digits = (identity ?? '').toLowerCase().replaceAll('-', '');
  if (/^[0-9a-f]{32}$/.test(digits)) return digits.slice(-DIGITS);
  return createHash('sha256')
    .update(identity ?? name)
    .digest('hex')
    .slice(0, DIGITS);
}
