import { Hyper2kvmError } from '../../base/errors.ts';
import type { LeaseDevice } from '../../vsphere/nfc-lease.ts';
import type { VirtualDisk } from '../../vsphere/virtual-disk.ts';
import type { WantedFile } from './fetch-file.ts';
import { diskFileName } from './formats.ts';
import type { ExportFormat } from './types.ts';

/**
 * Which files of a lease are fetched, and what they are called: every disk of the hardware, in its order, then the NVRAM. The server's own names
 * (`targetId`) are never used. Images of CD-ROMs and floppies stay.
 * @throws Hyper2kvmError when the lease does not offer just the disks that the VM has.
 */
export function wantedFiles(
  devices: readonly LeaseDevice[],
  disks: readonly VirtualDisk[],
  { baseName, format }: { baseName: string; format: ExportFormat },
): WantedFile[] {
  const offered = devices.filter((device) => device.isDisk);
  if (offered.length !== disks.length) {
    throw new Hyper2kvmError(
      'transfer',
      `The lease offers ${offered.length} disks; the hardware of the VM has ${disks.length}.`,
      { hint: 'Look for disks in the settings of the VM that are not exportable: independent, shared or mapped ones.' },
    );
  }
  const wanted = disks.map((disk, index) => ({
    key: deviceOfDisk(disk, index, offered).key,
    name: diskFileName(baseName, index, format),
    isDisk: true,
    capacityBytes: disk.capacityBytes,
  }));
  const nvram = devices.find((device) => !device.isDisk && /nvram/i.test(`${device.key} ${device.targetId}`));
  if (!nvram) return wanted;
  return [...wanted, { key: nvram.key, name: `${baseName}.nvram`, isDisk: false, capacityBytes: nvram.fileSizeBytes }];
}

/** A key ends with the disk's address on its controller. A simulator counts disks instead: `/vm-68/disk:0`. */
function deviceOfDisk(disk: VirtualDisk, index: number, offered: readonly LeaseDevice[]): LeaseDevice {
  const device = offered.find(({ key }) => key.endsWith(`/${disk.address}`)) ?? offered[index];
  if (!device) throw new RangeError(`no device for disk ${index}`);
  return device;
}
