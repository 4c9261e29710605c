import { testWithOracle } from '../oracles/oracle.ts';
import { testUnless } from '../oracles/skips.ts';
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
  } else {
    const missing = `the guest ${name} (npm run guests -- ${name})`;
    testUnless({ missing, required: 'REQUIRE_GUESTS' }, title, () => undefined);
  }
}
