import { expect, test } from '@jest/globals';
import { orderOfNics } from './matrix-stages.ts';

/** An interface element of a domain. */
function nic(mac: string, place: string): string {
  return `<interface type="user">\n  <mac address="${mac}"/>\n  <model type="virtio"/>\n  ${place}\n</interface>`;
}

test('NICs of a domain are in the order of their PCI addresses, those without one last', () => {
  const at = (bus: string): string => `<address type="pci" domain="0x0000" bus="${bus}" slot="0x00" function="0x0"/>`;
  const nics = [
    nic('52:54:00:00:00:01', ''),
    nic('52:54:00:00:00:02', at('0x0b')),
    nic('52:54:00:00:00:03', at('0x0a')),
  ];
  expect(orderOfNics(`<domain><devices>${nics.join('')}</devices></domain>`)).toEqual([
    '52:54:00:00:00:03',
    '52:54:00:00:00:02',
    '52:54:00:00:00:01',
  ]);
});
