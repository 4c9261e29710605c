import { diskUuidOf } from '../../base/disk/disk-uuid.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** A virtual disk as the VM's hardware has it. */
export interface VirtualDisk {
  key: number;
  /** `Hard disk 1`. */
  label: string;
  capacityBytes: number;
  /** `[datastore] folder/file.vmdk`. */
  fileName: string;
  /** `VirtualLsiLogicController0:0`: the controller's type and bus number, and the disk's unit on it; as lease keys end. */
  address: string;
  /** The same in parts; undefined when the server names no controller for the disk. */
  place: DiskPlace | undefined;
  /** Its place among the disks in the server's own list of devices, which is in no useful order. */
  listIndex: number;
  /** The number of the PCI slot of its controller; undefined where the server does not tell. */
  controllerSlot?: number | undefined;
  /** `persistent`, `independent_persistent`, ... */
  diskMode: string;
  /** A raw device mapping and its mode, else undefined. */
  rawDeviceMapping: string | undefined;
  multiWriter: boolean;
  encrypted: boolean;
  thin: boolean;
  /** `backing.uuid` as 32 hexadecimal digits, which its guest sees as the SCSI id and serial with `disk.EnableUUID`; undefined if the server has none. */
  uuid?: string | undefined;
  /** Changes with the first write after the disk was opened; '' where the server does not tell. */
  contentId: string;
}

/** Where a disk is attached. */
export interface DiskPlace {
  /** The class of the controller: `ParaVirtualSCSIController`. */
  controllerType: string;
  busNumber: number;
  /** Place of the controller among those of its class, by bus number: some lease keys count so. */
  indexInType: number;
  /** Its device key, which differs where a server gives two controllers one bus number. */
  controllerKey: number;
  unitNumber: number;
}

/** The order in which vSphere numbers its buses (device keys 200, 1000, 15000, 31000). A disk of no known bus comes last. */
const BUS_ORDER = [/IDE/, /SCSI|LsiLogic|BusLogic/, /AHCI|SATA/, /NVME/];

/**
 * The disks among the devices of `config.hardware.device`, by bus, controller and unit: vCenter lists devices in no useful order, and the guest sees disks in
 * that of the hardware.
 */
export function decodeDisks(devices: readonly XmlElement[]): VirtualDisk[] {
  const controllers = decodeControllers(devices);
  return devices
    .filter((device) => device.type === 'VirtualDisk')
    .map((device, listIndex) => decodeDisk(device, listIndex, controllers.get(device.textOf('controllerKey') ?? '')))
    .toSorted(inHardwareOrder);
}

interface Controller {
  key: number;
  type: string;
  busNumber: number;
  indexInType: number;
  slot: number | undefined;
}

/** By device key. */
function decodeControllers(devices: readonly XmlElement[]): Map<string, Controller> {
  const counts = new Map<string, number>();
  const inOrder = devices
    .filter((device) => device.find('busNumber'))
    .toSorted((a, b) => (a.numberOf('busNumber') ?? 0) - (b.numberOf('busNumber') ?? 0));
  return new Map(
    inOrder.map((device) => {
      const type = device.type ?? '';
      const indexInType = counts.get(type) ?? 0;
      counts.set(type, indexInType + 1);
      const busNumber = device.numberOf('busNumber') ?? 0;
      return [
        device.textOf('key') ?? '',
        {
          key: device.numberOf('key') ?? 0,
          type,
          busNumber,
          indexInType,
          slot: device.numberOf('slotInfo.pciSlotNumber'),
        },
      ];
    }),
  );
}

function decodeDisk(device: XmlElement, listIndex: number, controller: Controller | undefined): VirtualDisk {
  const backing = device.find('backing');
  const unitNumber = device.numberOf('unitNumber');
  const uuid = diskUuidOf(backing?.textOf('uuid'));
  const isRdm = backing?.type?.includes('RawDiskMapping') ?? false;
  return {
    key: device.numberOf('key') ?? 0,
    label: device.textOf('deviceInfo.label') ?? `disk ${device.textOf('key')}`,
    // capacityInBytes came with 5.5; capacityInKB is rounded where the capacity is no multiple of 1 KiB.
    capacityBytes: device.numberOf('capacityInBytes') ?? (device.numberOf('capacityInKB') ?? 0) * 1024,
    fileName: backing?.textOf('fileName') ?? '',
    address: `${controller === undefined ? '' : `${controller.type}${controller.busNumber}`}:${unitNumber ?? ''}`,
    place: controller && unitNumber !== undefined ? placeOn(controller, unitNumber) : undefined,
    listIndex,
    ...(controller?.slot === undefined ? {} : { controllerSlot: controller.slot }),
    diskMode: backing?.textOf('diskMode') ?? '',
    rawDeviceMapping: isRdm ? (backing?.textOf('compatibilityMode') ?? 'unknown mode') : undefined,
    multiWriter: backing?.textOf('sharing') === 'sharingMultiWriter',
    encrypted: backing?.find('keyId') !== undefined,
    thin: backing?.isTrue('thinProvisioned') ?? false,
    ...(uuid === undefined ? {} : { uuid }),
    contentId: backing?.textOf('contentId') ?? '',
  };
}

function placeOn({ key, type, busNumber, indexInType }: Controller, unitNumber: number): DiskPlace {
  return { controllerType: type, busNumber, indexInType, controllerKey: key, unitNumber };
}

function inHardwareOrder(a: VirtualDisk, b: VirtualDisk): number {
  if (a.place === undefined || b.place === undefined) return Number(!a.place) - Number(!b.place);
  return (
    busRank(a.place) - busRank(b.place) ||
    a.place.busNumber - b.place.busNumber ||
    a.place.controllerKey - b.place.controllerKey ||
    a.place.unitNumber - b.place.unitNumber
  );
}

function busRank({ controllerType }: DiskPlace): number {
  const rank = BUS_ORDER.findIndex((bus) => bus.test(controllerType));
  return rank === -1 ? BUS_ORDER.length : rank;
}

/**
 * Bytes that the files of each disk occupy on their datastore, by disk key, from `layoutEx`: what a thin disk holds, and the
 * whole capacity of a thick one.
 */
export function decodeOccupiedBytes(layoutEx: XmlElement | undefined): Map<number, number> {
  const sizes = new Map((layoutEx?.all('file') ?? []).map((file) => [file.textOf('key'), file.numberOf('size') ?? 0]));
  return new Map(
    (layoutEx?.all('disk') ?? []).map((disk) => {
      const fileKeys = disk.all('chain').flatMap((chain) => chain.all('fileKey').map((key) => key.text));
      return [disk.numberOf('key') ?? 0, fileKeys.reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0)];
    }),
  );
}
