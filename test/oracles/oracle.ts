import { lookForOracle, type OracleName } from './find-oracle.ts';
import { testUnless } from './skips.ts';

export { findOracle, ORACLES, type OracleName } from './find-oracle.ts';

/**
 * A test that needs oracles. `run` receives their paths. If an oracle or one of its requirements is missing, the test
 * is skipped with that reason. With `REQUIRE_ORACLES=1` it fails instead.
 */
export function testWithOracle<Name extends OracleName>(
  names: Name | readonly Name[],
  title: string,
  run: (paths: Record<Name, string>) => Promise<void>,
  timeoutMs?: number,
): void {
  const found = [names].flat().map((name) => ({ name, ...lookForOracle(name as Name) }));
  const missing = [...new Set(found.flatMap((oracle) => ('missing' in oracle ? oracle.missing : [])))];
  const isOfHost = found.every((oracle) => 'path' in oracle || oracle.isOfHost === true);
  const paths = Object.fromEntries(found.map((oracle) => [oracle.name, 'path' in oracle ? oracle.path : '']));
  testUnless(
    missing.length === 0
      ? undefined
      : { missing: missing.join(' and '), ...(isOfHost ? {} : { required: 'REQUIRE_ORACLES' }) },
    title,
    () => run(paths as Record<Name, string>),
    timeoutMs,
  );
}
