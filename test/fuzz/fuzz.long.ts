import { testDamagedInputs } from './damaged-inputs.ts';

/** `npm run fuzz` creates 20,000 inputs per format. */
testDamagedInputs(Number(process.env['FUZZ_CASES'] ?? 500));
