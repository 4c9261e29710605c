import { existsSync } from 'node:fs';
import { testWithOracle, type OracleName } from '../oracles/oracle.ts';
import { testUnless } from '../oracles/skips.ts';

/** The program as one file, which `npm run package` makes; HYPER2KVM_BINARY names it. */
const BINARY = process.env['HYPER2KVM_BINARY'];

/** A test of the binary that needs oracles too; `run` gets their paths. */
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

/** The same for a test of what is packed from the binary: `BINARY.tar.gz` and others, which `--binary-only` leaves out, and which a machine without Go cannot all make. */
export function testWithPacked<Name extends OracleName>(
  suffix: '.tar.gz' | '.deb' | '.rpm',
  names: readonly Name[],
  title: string,
  run: (binary: string, paths: Record<Name, string>) => Promise<void>,
): void {
  if (BINARY === undefined || existsSync(BINARY + suffix)) testWithBinary(names, title, run);
  else testUnless({ missing: `the binary's ${suffix}`, required: 'REQUIRE_ORACLES' }, title, () => undefined);
}
