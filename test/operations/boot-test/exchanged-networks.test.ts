import { expect, test } from '@jest/globals';
import { problemOf } from '../../../src/operations/boot-test/boot-problem.ts';
import { foreignAddresses } from '../../../src/operations/boot-test/exchanged-networks.ts';
import type { BootTestNic, BootTestResult } from '../../../src/operations/boot-test/types.ts';

const [A, B] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b'];

function nic(mac: string, addresses: string[], configured: string[] | null): BootTestNic {
  const address: BootTestNic['address'] = { verdict: 'not-compared', expected: [], isDifferent: false, words: '' };
  const sent = { dhcp: false, addresses, arpTargets: [] };
  return { mac, model: 'virtio-net-pci', firstFrameSeconds: 8, sent, configured, address };
}

function problem(nics: BootTestNic[]): string | undefined {
  const found: BootTestResult = {
    target: 'web.xml',
    name: 'web',
    verdict: 'booted',
    networkUp: true,
    seconds: 20,
    accelerator: 'kvm',
    firmware: 'bios',
    loginPromptSeconds: 10,
    guestAgentSeconds: null,
    nics,
    restarts: 0,
    failedUnits: [],
    lastLines: [],
    picture: null,
    serialLog: '/log',
    job: '1',
    warnings: [],
  };
  return problemOf(found, { isDisk: false })?.message;
}

test('two NICs whose networks are exchanged are a problem, which names both', () => {
  const nics = [nic(A, ['198.51.100.10'], ['192.0.2.10']), nic(B, ['192.0.2.10'], ['198.51.100.10'])];
  expect(foreignAddresses(nics)).toEqual([
    { address: '198.51.100.10', sentBy: A, configuredFor: B },
    { address: '192.0.2.10', sentBy: B, configuredFor: A },
  ]);
  expect(problem(nics)).toBe(`web came up, but 198.51.100.10 was sent by the NIC ${A} and is configured for ${B}.`);
});

test.each([
  ['each on its own', [nic(A, ['192.0.2.10'], ['192.0.2.10']), nic(B, ['198.51.100.10'], ['198.51.100.10'])]],
  ['an address that no configuration has', [nic(A, ['10.0.2.15'], ['192.0.2.10']), nic(B, [], null)]],
  ['one address on both', [nic(A, ['192.0.2.10'], ['192.0.2.10']), nic(B, ['192.0.2.10'], ['192.0.2.10'])]],
  ['nothing known', [nic(A, ['192.0.2.10'], null), nic(B, ['198.51.100.10'], null)]],
])('no problem: %s', (_what, nics) => {
  expect(problem(nics)).toBeUndefined();
});
