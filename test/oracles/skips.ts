import { test } from '@jest/globals';
import { skippedTitle } from './skip-reporter.ts';

/**
 * Why a test cannot run here: the object of a sentence with "needs", such as `zsh` or `root`. The final list counts
 * tests by it.
 */
export interface Need {
  /** What is missing, for example `guestfish and qemu-img`. */
  missing: string;
  /** The environment variable that makes the test fail if something is missing. */
  required?: 'REQUIRE_ORACLES' | 'REQUIRE_GUESTS';
}

/** For tests that act as several users. */
export function needsRoot(): Need | undefined {
  return process.getuid?.() === 0 ? undefined : { missing: 'root' };
}

/**
 * A test that runs if nothing is missing. Otherwise it is skipped, with the reason in its title, or it fails if the
 * variable that `need.required` names is 1.
 */
export function testUnless(
  need: Need | undefined,
  title: string,
  run: () => Promise<void> | void,
  timeoutMs?: number,
): void {
  if (need === undefined) test(title, async () => await run(), timeoutMs);
  else if (need.required !== undefined && process.env[need.required] === '1') {
    test(title, () => {
      throw new Error(`${need.required}=1, but this test needs ${need.missing}`);
    });
  } else test.skip(skippedTitle(title, need.missing), () => undefined);
}
