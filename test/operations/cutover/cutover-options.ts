import type { CutoverOptions } from '../../../src/operations/cutover/types.ts';
import { NO_FIX } from '../fix-guest/no-fix.ts';

/** Where a cutover of the VM `web` runs, as plain data for another process. */
export interface Place {
  url: string;
  username: string;
  password: string;
  thumbprint: string;
  output: string;
  path: string;
  stateFolder: string;
  choices: Partial<Omit<CutoverOptions, 'connection' | 'output'>>;
}

/** The options of a cutover with a start and without a change of the guest. */
export function optionsOf({ output, path, stateFolder, choices }: Place): Omit<CutoverOptions, 'connection'> {
  return {
    vm: 'web',
    output,
    tracking: true,
    transport: 'lease',
    nfcDepth: 16,
    audit: undefined,
    parallel: 2,
    limitRateBytes: undefined,
    firstByteTimeoutMs: 20_000,
    stallTimeoutMs: 20_000,
    retries: 2,
    mode: 0o600,
    hardware: 'virtio',
    define: 'qemu:///system',
    guest: NO_FIX,
    bootTest: false,
    needsRehearsal: false,
    start: true,
    maxDowntimeSeconds: undefined,
    maxAgeMs: 3_600_000,
    shutdownLimitMs: 5000,
    forcePowerOff: false,
    keepOff: false,
    roundLimitMs: 5000,
    startLimitMs: 5000,
    env: { ...process.env, PATH: path, XDG_STATE_HOME: stateFolder },
    ...choices,
  };
}
