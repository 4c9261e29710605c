import { createHash } from 'node:crypto';

/** A VM by its name, with what tells it from others whose names become equal to it where fewer characters are allowed. */
export interface NamedVm {
  /** As the source has it: any text. */
  name: string;
  /** The instance UUID, or whatever else stays the same as long as the VM lives; undefined when the source has nothing of the kind. */
  identity?: string | undefined;
  /** Another VM of the source has the very same name. */
  sharesName?: boolean | undefined;
}

const DIGITS = 8;
/** Room that {@link vmNameFor} needs for a suffix. */
export const NAME_SUFFIX_CHARACTERS = DIGITS + 1;

/**
 * The name of a VM under the rules of `clean`, which makes an allowed name of any text in at most so many characters or bytes. A name that `clean` changes, or that two VMs have, gets a piece of the VM's
 * identity: `Web_01` and `web-01` must not become one VM, and a VM must have the same name in every run, whichever other VMs are in it.
 */
export function vmNameFor(vm: NamedVm, most: number, clean: (text: string, most: number) => string): string {
  const plain = clean(vm.name, most);
  if (plain === vm.name && vm.sharesName !== true) return plain;
  return `${clean(vm.name, most - NAME_SUFFIX_CHARACTERS)}-${pieceOf(vm)}`;
}

/** The end of a UUID: vCenter begins all instance UUIDs alike. */
function pieceOf({ name, identity }: NamedVm): string {
  const digits = (identity ?? '').toLowerCase().replaceAll('-', '');
  if (/^[0-9a-f]{32}$/.test(digits)) return digits.slice(-DIGITS);
  return createHash('sha256')
    .update(identity ?? name)
    .digest('hex')
    .slice(0, DIGITS);
}
