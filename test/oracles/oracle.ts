import { test } from '@jest/globals';
import { findOracle, type OracleName } from './find-oracle.ts';

export { findOracle, ORACLES, type OracleName } from './find-oracle.ts';

/**
 * A test that needs oracles; `run` gets their paths. Without them the test is skipped and its title says why, or it
 * fails where `REQUIRE_ORACLES=1` asks for all of them.
 */
export function testWithOracle<Name extends OracleName>(
  names: Name | readonly Name[],
  title: string,
  run: (paths: Record<Name, string>) => Promise<void>,
  timeoutMs?: number,
): void {
  const wanted: readonly Name[] = typeof names === 'string' ? [names] : names;
  const missing = wanted.filter((name) => findOracle(name) === undefined);
  if (missing.length === 0) {
    test(title, () => run(pathsOf(wanted)), timeoutMs);
  } else if (process.env['REQUIRE_ORACLES'] === '1') {
    test(title, () => {
      throw new Error(`REQUIRE_ORACLES=1, but not installed: ${missing.join(', ')}`);
    });
  } else {
    test.skip(`${title} (skipped: ${missing.join(', ')} not installed)`, () => undefined);
  }
}

function pathsOf<Name extends OracleName>(names: readonly Name[]): Record<Name, string> {
  const entries = names.map((name) => [name, findOracle(name) ?? '']);
  return Object.fromEntries(entries);
}
