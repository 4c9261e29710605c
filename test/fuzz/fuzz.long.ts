import { testDamagedInputs } from './damaged-inputs.ts';

/** `npm run fuzz` makes 20,000 of each. */
testDamagedInputs(Number(process.env['FUZZ_CASES'] ?? 500));
