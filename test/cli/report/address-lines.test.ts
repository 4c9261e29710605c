import { expect, test } from '@jest/globals';
import { addressLines } from '../../../src/cli/report/address-lines.ts';
import type { GuestNetReport } from '../../../src/operations/guest-net/types.ts';

const KNOWN: GuestNetReport = {
  readAt: '2026-12-01T12:00:00.000Z',
  reason: null,
  file: null,
  nics: [
    {
      mac: '00:50:56:00:00:0a',
      addresses: [
        { address: '192.0.2.10', prefix: 24, origin: 'manual' },
        { address: '2001:db8::10', origin: 'unknown' },
      ],
      gateways: ['192.0.2.1'],
      dns: ['192.0.2.53'],
    },
    { mac: '00:50:56:00:00:0b', connected: false, addresses: [], gateways: [], dns: [] },
  ],
};

test('a row for each NIC', () => {
  expect(addressLines(KNOWN, undefined)).toEqual([
    'NIC                ADDRESSES ON VMWARE',
    '00:50:56:00:00:0a  192.0.2.10/24 manual, 2001:db8::10; gateway 192.0.2.1; DNS 192.0.2.53',
    '00:50:56:00:00:0b  none; disconnected',
  ]);
});

test.each([40, 80, 120])('in %s columns nothing is lost', (width) => {
  const lines = addressLines(KNOWN, width);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
  for (const word of ['192.0.2.10/24', '2001:db8::10', '192.0.2.1', '192.0.2.53', 'disconnected'])
    expect(lines.join('\n')).toContain(word);
});

test('one line for addresses that are not known', () => {
  const reason = 'The VM is powered off.';
  expect(addressLines({ readAt: null, reason, file: null, nics: [] }, 80)).toEqual([
    'Addresses of the guest: not known. The VM is powered off.',
  ]);
});
