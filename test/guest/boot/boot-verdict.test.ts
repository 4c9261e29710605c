import { expect, test } from '@jest/globals';
import { noTraffic, type NicTraffic } from '../../../src/guest/boot/observe/nic-traffic.ts';
import { verdictOf, type BootSigns } from '../../../src/guest/boot/boot-verdict.ts';

const PATIENCE = { timeoutSeconds: 300, networkSeconds: 30, addressSeconds: 15, afterFrameSeconds: 60 };
const NOTHING: BootSigns = {
  loginSeconds: undefined,
  agentSeconds: undefined,
  frameSeconds: [undefined, undefined],
  traffic: [],
  failure: undefined,
  restarts: 0,
};
const SILENT = noTraffic();
const ADDRESSED: NicTraffic = { ...SILENT, addresses: ['192.0.2.10'] };
const ASKING: NicTraffic = { ...SILENT, dhcp: true };
const PANIC: BootSigns['failure'] = { failure: 'kernel-panic', words: 'kernel panic', text: '', seconds: 20 };

test.each<[string, Partial<BootSigns>, number, string | undefined]>([
  ['nothing yet', {}, 299, undefined],
  ['nothing until the end', {}, 300, 'no-sign'],
  ['a failure', { failure: PANIC }, 20, 'failed'],
  ['a failure of a guest with a network', { failure: PANIC, frameSeconds: [1, 2] }, 20, 'failed'],
  ['a prompt and all cards', { loginSeconds: 10, frameSeconds: [8, 12] }, 12, 'booted'],
  [
    'two NICs, of which one shows no address yet',
    { loginSeconds: 10, frameSeconds: [8, 12], traffic: [ADDRESSED, SILENT] },
    26,
    undefined,
  ],
  [
    'two NICs, of which one shows no address for long',
    { loginSeconds: 10, frameSeconds: [8, 12], traffic: [ADDRESSED, SILENT] },
    27,
    'booted',
  ],
  [
    'two NICs with their addresses',
    { loginSeconds: 10, frameSeconds: [8, 12], traffic: [ADDRESSED, ASKING] },
    12,
    'booted',
  ],
  ['one NIC without an address', { loginSeconds: 10, frameSeconds: [8], traffic: [SILENT] }, 10, 'booted'],
  ['a prompt while a card is silent', { loginSeconds: 10, frameSeconds: [8, undefined] }, 39, undefined],
  ['a prompt and a card that stays silent', { loginSeconds: 10, frameSeconds: [8, undefined] }, 40, 'booted'],
  ['the agent without a prompt', { agentSeconds: 10, frameSeconds: [3, 4] }, 11, 'booted'],
  ['a prompt without any card', { loginSeconds: 10, frameSeconds: [] }, 10, 'booted'],
  ['a prompt at the end of the time', { loginSeconds: 299, frameSeconds: [undefined] }, 300, 'booted'],
  ['a frame alone', { frameSeconds: [undefined, 5] }, 64, undefined],
  ['a frame alone for long', { frameSeconds: [undefined, 5] }, 65, 'booted'],
  ['a frame alone at the end of the time', { frameSeconds: [290, undefined] }, 300, 'booted'],
])('%s', (_what, change, seconds, verdict) => {
  expect(verdictOf({ ...NOTHING, ...change }, seconds, PATIENCE)).toBe(verdict);
});

test.each<[string, NicTraffic, number, string | undefined]>([
  ['that is seen', ADDRESSED, 10, 'booted'],
  ['that is not seen yet', ASKING, 22, undefined],
  ['that is not seen for long', ASKING, 23, 'booted'],
])('one NIC with an expected address %s', (_what, traffic, seconds, verdict) => {
  const signs = { ...NOTHING, loginSeconds: 10, frameSeconds: [8], traffic: [traffic] };
  expect(verdictOf(signs, seconds, { ...PATIENCE, expected: [['192.0.2.10']] })).toBe(verdict);
});
