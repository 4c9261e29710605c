import { diskDigits, type GuestRecipe, type RecipeDisk, type RecipeNetworkCard } from './recipe.ts';

/**
 * The hardware of a VM, with separate choices for disks and network. `vmware` has the controllers and PCI slots of the
 * source, and `virtio` is what libvirt gives a new domain.
 */
export interface Hardware {
  disks: 'vmware' | 'virtio';
  network: 'vmware' | 'virtio';
  /** MAC addresses in the order of the PCI addresses of the virtio NICs. By default, the order of the recipe. */
  cardOrder?: readonly string[];
}

/** The files of a VM. Its disks are not changed. */
export interface MachineFiles {
  disks: readonly string[];
  /** UEFI variables, which the VM changes. Undefined for BIOS. */
  variables?: string | undefined;
  /** Folder for `net0.pcap`, `net1.pcap` and so on, with every frame of a NIC. */
  frames: string;
}

/** Emulation unless `GUESTS_ACCELERATOR=kvm`. In a nested VM, KVM can be present and still hang without an error. */
export const ACCELERATOR = process.env['GUESTS_ACCELERATOR'] === 'kvm' ? 'kvm' : 'tcg';

// Debian's `.ms` files contain the enrolled Microsoft keys, with which Debian's shim is signed.
const UEFI = {
  uefi: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  'uefi-secure-boot': { code: '/usr/share/OVMF/OVMF_CODE_4M.ms.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd' },
};

/** UEFI variables of a VM that was never started; undefined for BIOS. */
export function freshVariables({ firmware }: GuestRecipe): string | undefined {
  return firmware === undefined ? undefined : UEFI[firmware].variables;
}

type Argument = [flag: string, value: string];

/** Arguments of qemu-system-x86_64, with the serial console on its standard output. */
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
    ...recipe.networkAdapters.flatMap((card, index) => networkCard(card, index, hardware, files)),
  ];
  return ['-nodefaults', '-no-user-config', '-no-reboot', ...devices.flat()];
}

function uefi(firmware: keyof typeof UEFI, variables: string): Argument[] {
  return [
    // Firmware with Secure Boot keeps its variables where only its own SMM code can write.
    ['-global', `driver=cfi.pflash01,property=secure,value=${firmware === 'uefi-secure-boot' ? 'on' : 'off'}`],
    ['-drive', `if=pflash,format=raw,readonly=on,file=${UEFI[firmware].code}`],
    ['-drive', `if=pflash,format=raw,file=${variables}`],
  ];
}

/**
 * VMware's PCI bridges: 00:01.0 and 00:11.0 use buses 1 and 2, and the root ports after them use buses 3 and up. udev
 * derives `ens160` from the slot number. Without ACPI hot-plugging, it reads that number from the root port.
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
 * The identity of a VMware disk with `disk.EnableUUID`: its UUID as the serial number (VPD page 0x80) and as a 16-byte
 * NAA name (page 0x83). QEMU's names have 8 bytes, so the guest sees only the first half: `scsi-36000c29` and nine more
 * digits.
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
 * Attaches each NIC to a separate, isolated network, whose DHCP server and gateway (10.0.2.2, 10.0.3.2) answer. The
 * root ports of virtio NICs come after all others, so that the other buses keep their numbers.
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
