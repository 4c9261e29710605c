import { expect, test } from '@jest/globals';
import { testWithOracle } from '../oracles/oracle.ts';
import { FORMATS } from './formats.ts';
import { runCases } from './run-cases.ts';

/** `npm run fuzz` makes 20,000 of each. */
const CASES = Number(process.env['FUZZ_CASES'] ?? 500);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122);
const LIMIT_MS = 120_000 + CASES * 400;

for (const format of FORMATS) {
  const title = `${CASES} damaged inputs are read or refused, soon, in little memory and without a look outside: ${format.name}`;
  const run = async (qemuImg: string): Promise<void> => {
    const { accepted, refused } = await runCases({ format, cases: CASES, seed: SEED, qemuImg });
    // Neither is everything refused at the first look, nor does damage go unseen.
    expect(accepted).toBeGreaterThan(CASES / 100);
    expect(refused).toBeGreaterThan(CASES / 20);
  };
  if (format.needsQemuImg) testWithOracle('qemu-img', title, (oracles) => run(oracles['qemu-img']), LIMIT_MS);
  else test(title, () => run(''), LIMIT_MS);
}
