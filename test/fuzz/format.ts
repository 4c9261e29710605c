import type { ErrorKind } from '../../src/base/errors.ts';
import type { Random } from './random.ts';

/** One kind of input that strangers make. */
export interface FuzzFormat {
  name: string;
  /** Whether its whole images are made by qemu-img. */
  needsQemuImg: boolean;
  /** The kinds of error with which it may be refused; `image` when unset. */
  refusedAs?: readonly ErrorKind[];
  /**
   * Makes whole inputs in `folder`, and gives a function that reads one damaged input: it resolves for one that is accepted, throws a `Hyper2kvmError`
   * for one that is refused, and anything else for a fault of the program.
   */
  prepare: (folder: string, qemuImg: string) => Promise<(random: Random) => Promise<void>>;
}
