import { expect, test } from '@jest/globals';
import { guestAddressOf } from '../../../src/operations/fix-guest/guest-address.ts';
import { readOvf } from '../../../src/ovf/hardware/ovf-facts.ts';

const SLOT = '<vmw:Config vmw:key="slotInfo.pciSlotNumber" vmw:value="192"/>';

function item(fields: Record<string, string>, more = ''): string {
  const elements = Object.entries(fields).map(([name, value]) => `<rasd:${name}>${value}</rasd:${name}>`);
  return `<Item>${elements.join('')}${more}</Item>`;
}

function disk(id: string, parent: string, unit: string): string {
  return item({
    AddressOnParent: unit,
    HostResource: `ovf:/disk/${id}`,
    InstanceID: id,
    Parent: parent,
    ResourceType: '17',
  });
}

const OVF = `<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf">
  <References/>
  <DiskSection>${['a', 'b', 'c'].map((id) => `<Disk ovf:diskId="${id}" ovf:capacity="1048576"/>`).join('')}</DiskSection>
  <VirtualSystem ovf:id="web"><VirtualHardwareSection>
    ${item({ Address: '1', InstanceID: '3', ResourceType: '6', ResourceSubType: 'VirtualSCSI' }, SLOT)}
    ${item({ Address: '0', InstanceID: '4', ResourceType: '20', ResourceSubType: 'vmware.sata.ahci' })}
    ${item({ Address: '0', InstanceID: '5', ResourceType: '23' })}
    ${disk('a', '3', '2')}${disk('b', '4', '0')}${disk('c', '5', '0')}
  </VirtualHardwareSection></VirtualSystem></Envelope>`;

test('a disk of a package has the bus, controller, unit and PCI slot that names in its guest follow', () => {
  expect(readOvf(OVF, 'web.ovf').disks.map((each) => [each.diskId, guestAddressOf(each)])).toEqual([
    ['a', { bus: 'scsi', controller: 1, unit: 2, pciSlotNumber: 192 }],
    ['b', { bus: 'sata', controller: 0, unit: 0, pciSlotNumber: undefined }],
    ['c', undefined],
  ]);
});
