import { testDamagedInputs } from './damaged-inputs.ts';

testDamagedInputs(50);
