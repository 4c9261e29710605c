import { expect, test } from '@jest/globals';
import { testWithOracle } from '../oracles/oracle.ts';
import { FORMATS } from './formats.ts';
import { runCases } from './run-cases.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122);

/** Defines one test per format, with this number of damaged inputs. */
export function testDamagedInputs(cases: number): void {
  const limitMs = 120_000 + cases * 400;
  for (const format of FORMATS) {
    const title = `${cases} damaged inputs are read or refused, soon, in little memory and without a look outside: ${format.name}`;
    const run = async (qemuImg: string): Promise<void> => {
      const { accepted, refused } = await runCases({ format, cases, seed: SEED, qemuImg });
      // Not all inputs are refused at an early check, and damage does not go unnoticed.
      expect(accepted).toBeGreaterThan(cases / 100);
      expect(refused).toBeGreaterThan(cases / 20);
    };
    if (format.needsQemuImg) testWithOracle('qemu-img', title, (oracles) => run(oracles['qemu-img']), limitMs);
    else test(title, () => run(''), limitMs);
  }
}
