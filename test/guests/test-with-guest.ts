import { testWithOracle } from '../oracles/oracle.ts';
import { testUnless } from '../oracles/skips.ts';
import { findGuest, type Guest } from './guest-cache.ts';

/**
 * A test that boots a built guest. It is skipped if QEMU is missing or the guest is not built, and its title contains
 * the reason. With `REQUIRE_GUESTS=1`, a guest that is not built fails the test.
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
  } else {
    const missing = `the guest ${name} (npm run guests -- ${name})`;
    testUnless({ missing, required: 'REQUIRE_GUESTS' }, title, () => undefined);
  }
}
