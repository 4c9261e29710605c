import { diskDigits, type GuestRecipe, type RecipeDisk, type RecipeNetworkCard } from './recipe.ts';

/** The hardware of a machine, whole or in halves: `vmware` has the source's controllers and slots, `virtio` is what libvirt gives a new domain. */
export interface Hardware {
  disks: 'vmware' | 'virtio';
  network: 'vmware' | 'virtio';
  /** MAC addresses in the order of the PCI addresses of virtio NICs; that of the recipe when absent. */
  cardOrder?: readonly string[];
}

/** The files of a machine. Disks stay as they are. */
export interface MachineFiles {
  disks: readonly string[];
  /** UEFI variables, which are written to. A guest with BIOS has none. */
  variables?: string | undefined;
  /** Folder for `net0.pcap` and so on: every frame of a card. */
  frames: string;
}

/** Emulation unless `GUESTS_ACCELERATOR=kvm`: below another hypervisor KVM may be there and yet hang without a word. */
export const ACCELERATOR = process.env['GUESTS_ACCELERATOR'] === 'kvm' ? 'kvm' : 'tcg';

// Debian's `.ms` files have Microsoft's keys enrolled, which signed its shim.
const UEFI = {
  uefi: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  'uefi-secure-boot': { code: '/usr/share/OVMF/OVMF_CODE_4M.ms.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd' },
};

/** UEFI variables of a machine that was never started; undefined with BIOS. */
export function freshVariables({ firmware }: GuestRecipe): string | undefined {
  return firmware === undefined ? undefined : UEFI[firmware].variables;
}

type Argument = [flag: string, value: string];

/** Arguments of qemu-system-x86_64 with the serial console on its standard output. */
export function machineArgs(recipe: GuestRecipe, hardware: Hardware, files: MachineFiles): string[] {
  const isVmware = hardware.disks === 'vmware' || hardware.network === 'vmware';
  const devices: Argument[] = [
    ['-machine', `q35${recipe.firmware === 'uefi-secure-boot' ? ',smm=on' : ''}`],
    ['-accel', ACCELERATOR],
    ['-cpu', 'Nehalem'],
    ['-smp', '1'],
    ['-m', '1024'],
    ['-display', 'none'],
    ['-device', 'VGA,addr=0x0f'],
    ['-serial', 'stdio'],
    ...(recipe.firmware === undefined || files.variables === undefined ? [] : uefi(recipe.firmware, files.variables)),
    ...(isVmware ? vmwarePorts() : []),
    ...(hardware.disks === 'vmware' ? vmwareDisks(recipe, files) : virtioDisks(recipe, files)),
    ...recipe.networkCards.flatMap((card, index) => networkCard(card, index, hardware, files)),
  ];
  return ['-nodefaults', '-no-user-config', '-no-reboot', ...devices.flat()];
}

function uefi(firmware: keyof typeof UEFI, variables: string): Argument[] {
  return [
    // Firmware with secure boot keeps its variables where only its own code in SMM may write.
    ['-global', `driver=cfi.pflash01,property=secure,value=${firmware === 'uefi-secure-boot' ? 'on' : 'off'}`],
    ['-drive', `if=pflash,format=raw,readonly=on,file=${UEFI[firmware].code}`],
    ['-drive', `if=pflash,format=raw,file=${variables}`],
  ];
}

/**
 * VMware's bridges: 00:01.0 and 00:11.0 take buses 1 and 2, the root ports after them buses 3 and on. The number of a
 * slot is what udev makes `ens160` of. It comes from the root port itself where ACPI does not take part in hot-plugging.
 */
function vmwarePorts(): Argument[] {
  const ports = ['0x01', '0x11'].map((addr, index) => `addr=${addr},slot=${index + 1},id=bridge${index}`);
  ports.push('addr=0x15,slot=160,id=slot160', 'addr=0x16,slot=192,id=slot192', 'addr=0x17,slot=224,id=slot224');
  return [
    ['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'],
    ...ports.map((port, index): Argument => ['-device', `pcie-root-port,${port},chassis=${index + 1}`]),
  ];
}

function vmwareDisks(recipe: GuestRecipe, files: MachineFiles): Argument[] {
  const disks = recipe.disks.flatMap((disk, index): Argument[] => {
    const device = `${vmwareDisk(recipe, disk)},drive=disk${index},bootindex=${index + 1}`;
    return [drive(files, index), ['-device', device]];
  });
  return recipe.controller === 'nvme' ? disks : [['-device', `${recipe.controller},id=disks,bus=slot160`], ...disks];
}

function vmwareDisk({ controller }: GuestRecipe, disk: RecipeDisk): string {
  if (controller === 'nvme') return 'nvme,bus=slot160,serial=VMware NVME_0000';
  if (controller === 'ahci') return `ide-hd,bus=disks.${disk.scsiUnit},model=VMware Virtual SATA Hard Drive`;
  return `scsi-hd,bus=disks.0,vendor=VMware,product=Virtual disk,scsi-id=${disk.scsiUnit}${scsiIdentity(disk)}`;
}

/**
 * What VMware's disk has with `disk.EnableUUID`: its UUID as serial number (VPD page 0x80) and as NAA name of 16 bytes (page 0x83). QEMU's names have
 * 8 bytes, so that the guest sees the first half: `scsi-36000c29` and nine digits more.
 */
function scsiIdentity({ uuid }: RecipeDisk): string {
  if (uuid === undefined) return '';
  const digits = diskDigits(uuid);
  return `,serial=${digits},device_id=${digits},wwn=0x${digits.slice(0, 16)}`;
}

function virtioDisks(recipe: GuestRecipe, files: MachineFiles): Argument[] {
  return recipe.disks.flatMap((_disk, index): Argument[] => [
    virtioPort(`disk${index}`, 8 + index),
    drive(files, index),
    ['-device', `virtio-blk-pci,drive=disk${index},bus=virtio-disk${index},bootindex=${index + 1}`],
  ]);
}

/**
 * Each card is on a network of its own, whose DHCP server and gateway (10.0.2.2, 10.0.3.2) answer; nothing leaves it. The ports of virtio cards come after all others, whose buses
 * keep their numbers with them.
 */
function networkCard(card: RecipeNetworkCard, index: number, hardware: Hardware, files: MachineFiles): Argument[] {
  const id = `net${index}`;
  const isVmware = hardware.network === 'vmware';
  const device = isVmware ? `${card.model},bus=slot${card.pciSlotNumber}` : `virtio-net-pci,bus=virtio-${id}`;
  const attached: Argument[] = [
    ['-netdev', `user,id=${id},restrict=on,net=10.0.${2 + index}.0/24`],
    ['-device', `${device},netdev=${id},mac=${card.macAddress},romfile=`],
    ['-object', `filter-dump,id=dump-${id},netdev=${id},file=${files.frames}/${id}.pcap`],
  ];
  const place = hardware.cardOrder?.indexOf(card.macAddress) ?? index;
  if (place === -1) throw new Error(`the domain has no NIC with the MAC address ${card.macAddress}`);
  return isVmware ? attached : [virtioPort(id, 24 + place), ...attached];
}

function virtioPort(name: string, slot: number): Argument {
  return ['-device', `pcie-root-port,id=virtio-${name},chassis=${slot + 16},slot=${slot},addr=0x${slot.toString(16)}`];
}

function drive(files: MachineFiles, index: number): Argument {
  return ['-drive', `if=none,id=disk${index},format=qcow2,snapshot=on,file=${files.disks[index]}`];
}
