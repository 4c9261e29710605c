import type { ErrorKind } from '../../src/base/errors.ts';
import type { Random } from './random.ts';

/** A kind of untrusted input. */
export interface FuzzFormat {
  name: string;
  /** Whether qemu-img creates its valid images. */
  needsQemuImg: boolean;
  /** The kinds of error with which it may be refused. The default is `image`. */
  refusedAs?: readonly ErrorKind[];
  /**
   * Creates valid inputs in `folder`, and returns a function that reads one damaged input. The function resolves if the
   * input is accepted.
   * @throws a `Hyper2kvmError` if the input is refused; anything else is a bug in the program
   */
  prepare: (folder: string, qemuImg: string) => Promise<(random: Random) => Promise<void>>;
}
