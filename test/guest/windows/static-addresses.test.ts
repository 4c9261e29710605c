import { expect, test } from '@jest/globals';
import type { GuestNetNic } from '../../../src/base/guest-net.ts';
import { staticAddressesOf } from '../../../src/guest/windows/static-addresses.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { runProgram } from '../../oracles/run-program.ts';

const [LAN, DMZ] = ['00:50:56:00:00:0a', '00:50:56:00:00:0b'] as const;
const NICS: GuestNetNic[] = [
  {
    mac: LAN,
    addresses: [
      { address: '192.0.2.12', origin: 'manual' },
      { address: '192.0.2.10', prefix: 24, origin: 'manual' },
      { address: '192.0.2.11', prefix: 24, origin: 'manual' },
      { address: '2001:db8::10', prefix: 64, origin: 'manual' },
      { address: '2001:db8::dead', prefix: 128, origin: 'random' },
    ],
    gateways: ['fe80::1', '192.0.2.1'],
    dns: ['192.0.2.53', '192.0.2.54'],
  },
  { mac: DMZ, addresses: [{ address: '198.51.100.7', prefix: 25, origin: 'manual' }], gateways: [], dns: [] },
  { mac: DMZ, addresses: [{ address: '198.51.100.8', prefix: 25, origin: 'dhcp' }], gateways: [], dns: [] },
];

test('static addresses become --mac, with the gateway of their kind and the DNS servers of their NIC', () => {
  expect(staticAddressesOf(NICS)).toEqual({
    mac: [
      `${LAN}:ip:192.0.2.10,192.0.2.1,24,192.0.2.53,192.0.2.54`,
      `${LAN}:ip:2001:db8::10,fe80::1,64,192.0.2.53,192.0.2.54`,
    ],
    warnings: [
      `The static address 192.0.2.12 of the NIC ${LAN} is not kept: its prefix length is not known.`,
      `The static address 192.0.2.11 of the NIC ${LAN} is not kept: virt-v2v sets one such address for each NIC.`,
      `The static address 198.51.100.7 of the NIC ${DMZ} is not kept: virt-v2v sets no address without a gateway.`,
    ],
  });
});

testWithOracle(
  'virt-v2v-in-place',
  'virt-v2v-in-place accepts these arguments, and no empty gateway',
  async (paths) => {
    const refusal = async (mac: readonly string[]): Promise<string> => {
      const nics = mac.flatMap((value) => ['--mac', value]);
      return (await runProgram(paths['virt-v2v-in-place'], [...nics, '-i', 'disk', '/nonexistent/disk'])).stderr;
    };
    expect(await refusal(staticAddressesOf(NICS).mac)).toMatch(/No such file or directory: \/nonexistent\/disk/);
    expect(await refusal([`${DMZ}:ip:198.51.100.7,,25`])).toMatch(/cannot parse --mac ip gw/);
  },
);
