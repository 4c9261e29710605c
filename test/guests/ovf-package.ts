import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputOf } from '../oracles/run-program.ts';
import type { Guest } from './guest-cache.ts';
import { diskDigits, type GuestRecipe } from './recipe.ts';

const CONTROLLERS = {
  pvscsi: { type: 6, subType: 'VirtualSCSI', name: 'SCSI controller 0' },
  mptsas1068: { type: 6, subType: 'lsilogicsas', name: 'SCSI controller 0' },
  ahci: { type: 20, subType: 'vmware.sata.ahci', name: 'SATA controller 0' },
  nvme: { type: 20, subType: 'vmware.nvme.controller', name: 'NVMe controller 0' },
} as const;
const SECTOR_BYTES = 512;
// qemu-img reserves 20 sectors for the descriptor.
const DESCRIPTOR_BYTES = 20 * SECTOR_BYTES;
const CARDS = { vmxnet3: 'VmxNet3', e1000e: 'E1000e' } as const;

/**
 * Writes the guest into a new folder as a package that VMware would export: streamOptimized VMDKs, and a descriptor
 * with the MAC address and the PCI slot of each NIC. Returns the path of the descriptor.
 */
export async function packGuest(guest: Guest, folder: string): Promise<string> {
  const { name } = guest.recipe;
  await mkdir(folder, { recursive: true });
  const sizes: number[] = [];
  for (const [index, disk] of guest.disks.entries()) {
    const vmdk = join(folder, vmdkName(guest.recipe, index));
    await outputOf('qemu-img', ['convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', disk, vmdk]);
    const uuid = guest.recipe.disks[index]?.uuid;
    if (uuid !== undefined) await addUuid(vmdk, uuid);
    sizes.push((await stat(vmdk)).size);
  }
  const path = join(folder, `${name}.ovf`);
  await writeFile(path, descriptor(guest.recipe, sizes));
  return path;
}

/**
 * Adds a disk's UUID to the embedded descriptor of a streamOptimized VMDK. The descriptor is text that starts in the
 * second sector and is padded with zeros.
 */
async function addUuid(vmdk: string, uuid: string): Promise<void> {
  const bytes = (diskDigits(uuid).match(/../g) ?? []).join(' ');
  const line = `ddb.uuid = "${bytes.slice(0, 23)}-${bytes.slice(24)}"\n`;
  const file = await open(vmdk, 'r+');
  try {
    const text = Buffer.alloc(DESCRIPTOR_BYTES);
    await file.read(text, 0, DESCRIPTOR_BYTES, SECTOR_BYTES);
    const end = text.indexOf(0);
    if (end === -1 || end + line.length > DESCRIPTOR_BYTES) throw new Error(`${vmdk}: its descriptor is full`);
    await file.write(line, SECTOR_BYTES + end);
  } finally {
    await file.close();
  }
}

function vmdkName(recipe: GuestRecipe, index: number): string {
  return `${recipe.name}-disk${index + 1}.vmdk`;
}

function descriptor(recipe: GuestRecipe, sizes: readonly number[]): string {
  const { disks, networkAdapters } = recipe;
  const controller = CONTROLLERS[recipe.controller];
  const files = disks.map(
    (_disk, index) =>
      `<File ovf:id="file${index + 1}" ovf:href="${vmdkName(recipe, index)}" ovf:size="${sizes[index]}"/>`,
  );
  const volumes = disks.map(
    (disk, index) =>
      `<Disk ovf:diskId="vmdisk${index + 1}" ovf:fileRef="file${index + 1}" ovf:capacity="${disk.sizeMiB}" ovf:capacityAllocationUnits="byte * 2^20" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>`,
  );
  const items = [
    item({ InstanceID: 1, ResourceType: 3, ElementName: '1 virtual CPU', VirtualQuantity: 1 }),
    item({
      AllocationUnits: 'byte * 2^20',
      InstanceID: 2,
      ResourceType: 4,
      ElementName: '1024MB of memory',
      VirtualQuantity: 1024,
    }),
    item(
      {
        Address: 0,
        InstanceID: 3,
        ResourceType: controller.type,
        ElementName: controller.name,
        ResourceSubType: controller.subType,
      },
      160,
    ),
    ...disks.map((disk, index) =>
      item({
        AddressOnParent: disk.scsiUnit,
        ElementName: `Hard disk ${index + 1}`,
        HostResource: `ovf:/disk/vmdisk${index + 1}`,
        InstanceID: 10 + index,
        Parent: 3,
        ResourceType: 17,
      }),
    ),
    ...networkAdapters.map((card, index) =>
      item(
        {
          Address: card.macAddress,
          AddressOnParent: 7 + index,
          AutomaticAllocation: true,
          Connection: 'VM Network',
          ElementName: `Network adapter ${index + 1}`,
          InstanceID: 20 + index,
          ResourceSubType: CARDS[card.model],
          ResourceType: 10,
        },
        card.pciSlotNumber,
      ),
    ),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References>${files.join('')}</References>
  <DiskSection><Info>Virtual disk information</Info>${volumes.join('')}</DiskSection>
  <NetworkSection><Info>The list of logical networks</Info><Network ovf:name="VM Network"><Description>The VM Network network</Description></Network></NetworkSection>
  <VirtualSystem ovf:id="${recipe.name}">
    <Info>A virtual machine</Info>
    <Name>${recipe.name}</Name>
    <OperatingSystemSection ovf:id="96" vmw:osType="debian12_64Guest"><Info>The kind of installed guest operating system</Info></OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware requirements</Info>
      <System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID><vssd:VirtualSystemIdentifier>${recipe.name}</vssd:VirtualSystemIdentifier><vssd:VirtualSystemType>vmx-19</vssd:VirtualSystemType></System>
      ${items.join('\n      ')}
      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="${recipe.firmware === undefined ? 'bios' : 'efi'}"/>
      <vmw:Config ovf:required="false" vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="${recipe.firmware === 'uefi-secure-boot'}"/>
    </VirtualHardwareSection>
    <vmw:BootOrderSection ovf:required="false" vmw:instanceId="10" vmw:type="disk"><Info>Virtual hardware device boot order</Info></vmw:BootOrderSection>
  </VirtualSystem>
</Envelope>
`;
}

/** Builds a hardware item. Its elements are in alphabetical order, as the schema requires. */
function item(fields: Record<string, string | number | boolean>, pciSlotNumber?: number): string {
  const elements = Object.entries(fields)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `<rasd:${name}>${value}</rasd:${name}>`);
  if (pciSlotNumber !== undefined) {
    elements.push(`<vmw:Config ovf:required="false" vmw:key="slotInfo.pciSlotNumber" vmw:value="${pciSlotNumber}"/>`);
  }
  return `<Item>${elements.join('')}</Item>`;
}
