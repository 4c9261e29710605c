import { test } from '@jest/globals';
import { testWithOracle } from '../oracles/oracle.ts';
import { findGuest, type Guest } from './guest-cache.ts';

/**
 * A test that boots a built guest. It is skipped where qemu is missing or the guest is not built, and says so in its
 * title; a guest that is not built fails it with `REQUIRE_GUESTS=1`.
 */
export function testWithGuest(
  name: string,
  title: string,
  run: (guest: Guest) => Promise<void>,
  timeoutMs: number,
): void {
  const guest = findGuest(name);
  if (guest !== undefined) {
    testWithOracle('qemu-system-x86_64', title, () => run(guest), timeoutMs);
  } else if (process.env['REQUIRE_GUESTS'] === '1') {
    test(title, () => {
      throw new Error(`REQUIRE_GUESTS=1, but the guest ${name} is not built: npm run guests -- ${name}`);
    });
  } else {
    test.skip(`${title} (skipped: guest ${name} is not built: npm run guests -- ${name})`, () => undefined);
  }
}
