/**
 * A VM configuration as ESXi 7 writes it: two SCSI controllers, a SATA disk, an empty CD-ROM drive, two NICs, and
 * leftover entries of removed devices.
 */
export const VMX = `.encoding = "UTF-8"
config.version = "8"
virtualHW.version = "19"
nvram = "web-01.nvram"
displayName = "web-01 |22Büro|22"
guestOS = "debian12-64"
firmware = "efi"
uefi.secureBoot.enabled = "TRUE"
memSize = "4096"
numvcpus = "4"
cpuid.coresPerSocket = "2"
uuid.bios = "56 4d 3c 5a 0b 9b d0 d5-4b 0e 64 8b 4b 1f 5a 0c"
bios.bootOrder = "hdd"
bios.hddOrder = "scsi1:0"
scsi0.present = "TRUE"
scsi0.virtualDev = "pvscsi"
scsi0.pciSlotNumber = "160"
scsi0:1.present = "TRUE"
scsi0:1.fileName = "web-01_1.vmdk"
scsi0:0.present = "TRUE"
scsi0:0.deviceType = "scsi-hardDisk"
scsi0:0.fileName = "web-01.vmdk"
scsi1.present = "TRUE"
scsi1.virtualDev = "lsisas1068"
scsi1.pciSlotNumber = "192"
scsi1:0.present = "TRUE"
scsi1:0.fileName = "data/web-01_2.vmdk"
scsi2:0.present = "TRUE"
scsi2:0.fileName = "of-a-controller-that-is-gone.vmdk"
scsi0:2.present = "FALSE"
scsi0:2.fileName = "gone.vmdk"
sata0.present = "TRUE"
sata0:0.present = "TRUE"
sata0:0.deviceType = "atapi-cdrom"
sata0:0.fileName = "auto detect"
sata0:1.present = "TRUE"
sata0:1.fileName = "web-01_3.vmdk"
ethernet1.present = "TRUE"
ethernet1.virtualDev = "e1000e"
ethernet1.addressType = "static"
ethernet1.address = "00:50:56:00:00:02"
ethernet1.networkName = "Back end"
ethernet0.present = "TRUE"
ethernet0.virtualDev = "vmxnet3"
ethernet0.pciSlotNumber = "192"
ethernet0.addressType = "generated"
ethernet0.generatedAddress = "00:0C:29:1F:5A:0C"
ethernet0.networkName = "VM Network"
ethernet2.present = "FALSE"
# a comment = "no"
`;

/** A small VM with one disk, and these additional lines. */
export function smallVmx(...lines: string[]): string {
  return [
    'config.version = "8"',
    'displayName = "small"',
    'ide0:0.present = "TRUE"',
    'ide0:0.fileName = "disk.vmdk"',
    ...lines,
    '',
  ].join('\n');
}
