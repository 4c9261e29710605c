import { existsSync } from 'node:fs';
import { test } from '@jest/globals';
import { testWithOracle, type OracleName } from '../oracles/oracle.ts';

/** The program as one file, which `npm run package` makes; HYPER2KVM_BINARY names it. */
const BINARY = process.env['HYPER2KVM_BINARY'];

/** A test of the binary that needs oracles too; `run` gets their paths. Without a binary it is skipped and says so, or fails where REQUIRE_ORACLES=1 asks for it. */
export function testWithBinary<Name extends OracleName>(
  names: readonly Name[],
  title: string,
  run: (binary: string, paths: Record<Name, string>) => Promise<void>,
  timeoutMs = 600_000,
): void {
  if (BINARY !== undefined) testWithOracle(names, title, (paths) => run(BINARY, paths), timeoutMs);
  else if (process.env['REQUIRE_ORACLES'] === '1') {
    test(title, () => {
      throw new Error('REQUIRE_ORACLES=1, but HYPER2KVM_BINARY names no binary: npm run package makes one');
    });
  } else test.skip(`${title} (skipped: HYPER2KVM_BINARY names no binary)`, () => undefined);
}

/** The same for a test of what is packed from the binary: `BINARY.tar.gz` and others, which `--binary-only` leaves out, and which a machine without Go cannot all make. */
export function testWithPacked<Name extends OracleName>(
  suffix: '.tar.gz' | '.deb' | '.rpm',
  names: readonly Name[],
  title: string,
  run: (binary: string, paths: Record<Name, string>) => Promise<void>,
): void {
  const isMissing = BINARY !== undefined && !existsSync(BINARY + suffix);
  if (isMissing && process.env['REQUIRE_ORACLES'] !== '1') {
    test.skip(`${title} (skipped: there is no ${suffix} beside the binary)`, () => undefined);
  } else testWithBinary(names, title, run);
}
