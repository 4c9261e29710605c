import type { ControllerKind, VmController, VmNic, VmDisk } from '../../base/vm-config.ts';
import { busOrder } from '../hardware/controllers.ts';
import { normalMac } from '../hardware/nics.ts';
import { wholeNumber } from '../descriptor/sections.ts';
import type { RefuseVmx, VmxValues } from './vmx-text.ts';

export interface VmxDisk extends VmDisk {
  /** The position in VMX syntax: `scsi0:1`. */
  place: string;
  /** File name of the disk's descriptor, as written in the `.vmx`. */
  fileName: string;
  controller: VmController;
  unitNumber: number;
  /** Position in the boot order, starting at 1. */
  bootOrder: number;
}

/** A device on a storage controller: a disk or CD-ROM drive. */
interface Drive {
  place: string;
  controller: VmController;
  unitNumber: number;
  deviceType: string;
  fileName: string;
}

const SCSI_KINDS = new Map<string, ControllerKind>([
  ['buslogic', 'buslogic'],
  ['lsilogic', 'lsilogic'],
  ['lsisas1068', 'lsilogicsas'],
  ['pvscsi', 'pvscsi'],
]);

/** Returns true if the device is present. VMware products leave the settings of removed devices in the file. */
function isPresent(values: VmxValues, device: string): boolean {
  return /^true$/i.test(values.get(`${device}.present`) ?? '');
}

/** Returns the disks ordered by bus, controller and unit, and the number of CD-ROM drives. */
export function readDrives(values: VmxValues, refuse: RefuseVmx): { disks: VmxDisk[]; cdRoms: number } {
  const drives = [...values.keys()].flatMap((key) => driveOf(values, key));
  const disks = drives.filter((drive) => !isCdRom(drive)).toSorted(inOrder);
  for (const { place, deviceType, fileName } of disks) {
    if (/passthr|raw|physical/.test(deviceType)) refuse(`its ${place} is a device of the host (${deviceType})`);
    if (fileName === '') refuse(`its disk ${place} names no file`);
  }
  return { disks: withBootOrder(values, disks), cdRoms: drives.filter(isCdRom).length };
}

/**
 * ESX passes a host drive through as a SCSI device. Only the name distinguishes a CD-ROM drive from a tape or a LUN.
 */
function isCdRom({ deviceType, fileName }: Drive): boolean {
  return (
    deviceType.includes('cdrom') || (deviceType.includes('passthr') && fileName.startsWith('/vmfs/devices/cdrom/'))
  );
}

function driveOf(values: VmxValues, key: string): Drive[] {
  const [, place = '', bus = '', number = '', unit = ''] =
    /^((ide|scsi|sata|nvme)(\d{1,4}):(\d{1,4}))\.present$/.exec(key) ?? [];
  const adapter = `${bus}${number}`;
  if (place === '' || !isPresent(values, place)) return [];
  // Every VM has IDE; the other buses need a controller.
  if (bus !== 'ide' && !isPresent(values, adapter)) return [];
  const kind = kindOf(bus, values.get(`${adapter}.virtualdev`)?.toLowerCase());
  const pciSlotNumber = wholeNumber(values.get(`${adapter}.pcislotnumber`));
  return [
    {
      place,
      controller: { kind, address: Number(number), ...(pciSlotNumber === undefined ? {} : { pciSlotNumber }) },
      unitNumber: Number(unit),
      deviceType: (values.get(`${place}.devicetype`) ?? '').toLowerCase(),
      fileName: values.get(`${place}.filename`) ?? '',
    },
  ];
}

/** If a SCSI controller has no type, VMware chose it according to the guest operating system. */
function kindOf(bus: string, device = ''): ControllerKind {
  if (bus === 'ide' || bus === 'sata' || bus === 'nvme') return bus;
  return SCSI_KINDS.get(device) ?? 'scsi';
}

function inOrder(a: Drive, b: Drive): number {
  return (
    busOrder(a.controller) - busOrder(b.controller) ||
    a.controller.address - b.controller.address ||
    a.unitNumber - b.unitNumber
  );
}

/** Disks in `bios.hddOrder` come first. The VM tries the others in their own order. */
function withBootOrder(values: VmxValues, disks: readonly Drive[]): VmxDisk[] {
  const named = (values.get('bios.hddorder') ?? '')
    .toLowerCase()
    .split(',')
    .map((word) => word.trim());
  const rank = ({ place }: Drive): number => (named.includes(place) ? named.indexOf(place) : named.length);
  const order = disks.toSorted((a, b) => rank(a) - rank(b));
  return disks.map((disk) => {
    const { place, controller, unitNumber, fileName } = disk;
    return { place, controller, unitNumber, fileName, bootOrder: order.indexOf(disk) + 1 };
  });
}

/** Returns the NICs in order. */
export function readVmxNics(values: VmxValues): VmNic[] {
  const numbers = [...values.keys()].flatMap((key) => {
    const [, number] = /^ethernet(\d{1,4})\.present$/.exec(key) ?? [];
    return number !== undefined && isPresent(values, `ethernet${number}`) ? [Number(number)] : [];
  });
  return numbers
    .toSorted((a, b) => a - b)
    .map((number) => {
      const field = (name: string): string | undefined => values.get(`ethernet${number}.${name}`) || undefined;
      const isStatic = field('addresstype')?.toLowerCase() === 'static';
      return {
        mac: normalMac(isStatic ? field('address') : (field('generatedaddress') ?? field('address'))),
        model: field('virtualdev')?.toLowerCase() ?? '',
        network: field('networkname') ?? field('vnet') ?? field('connectiontype'),
        pciSlotNumber: wholeNumber(field('pcislotnumber')),
      };
    });
}
