import { existsSync } from 'node:fs';
import { testWithOracle, type OracleName } from '../oracles/oracle.ts';
import { testUnless } from '../oracles/skips.ts';

/** The program as a single file, which `npm run package` builds. HYPER2KVM_BINARY is its path. */
const BINARY = process.env['HYPER2KVM_BINARY'];

/** A test of the binary that also needs oracles. `run` receives their paths. */
export function testWithBinary<Name extends OracleName>(
  names: readonly Name[],
  title: string,
  run: (binary: string, paths: Record<Name, string>) => Promise<void>,
  timeoutMs = 600_000,
): void {
  if (BINARY !== undefined) testWithOracle(names, title, (paths) => run(BINARY, paths), timeoutMs);
  else {
    const missing = 'the standalone binary (npm run package), named by HYPER2KVM_BINARY';
    testUnless({ missing, required: 'REQUIRE_ORACLES' }, title, () => undefined);
  }
}

/**
 * A test of the packages that are built from the binary: `BINARY.tar.gz` and others. `--binary-only` does not build
 * them, and a machine without Go cannot build all of them.
 */
export function testWithPacked<Name extends OracleName>(
  suffix: '.tar.gz' | '.deb' | '.rpm',
  names: readonly Name[],
  title: string,
  run: (binary: string, paths: Record<Name, string>) => Promise<void>,
): void {
  if (BINARY === undefined || existsSync(BINARY + suffix)) testWithBinary(names, title, run);
  else testUnless({ missing: `the binary's ${suffix}`, required: 'REQUIRE_ORACLES' }, title, () => undefined);
}
