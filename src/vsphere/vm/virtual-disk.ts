import { diskUuidOf } from '../../base/disk/disk-uuid.ts';
import type { ControllerKind, VmController } from '../../base/vm-config.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** A virtual disk in the VM's hardware. */
export interface VirtualDisk {
  key: number;
  /** `Hard disk 1`. */
  label: string;
  capacityBytes: number;
  /** `[datastore] folder/file.vmdk`. */
  fileName: string;
  /** `VirtualLsiLogicController0:0`: the controller's type and bus number, and the disk's unit number. Lease keys end with it. */
  address: string;
  /** The parts of the address; undefined when the server reports no controller for the disk. */
  place: DiskPlace | undefined;
  /** The disk's index in the server's device list, which has no defined order. */
  listIndex: number;
  /** Undefined when the server reports no controller for the disk, or one of an unknown class. */
  controller?: VmController | undefined;
  /** `persistent`, `independent_persistent`, ... */
  diskMode: string;
  /** A raw device mapping (RDM) and its mode; otherwise undefined. */
  rawDeviceMapping: string | undefined;
  multiWriter: boolean;
  encrypted: boolean;
  thin: boolean;
  /**
   * `backing.uuid` as 32 hexadecimal digits; undefined if the server reports none. With `disk.EnableUUID`, the guest
   * sees it as the SCSI ID and serial number.
   */
  uuid?: string | undefined;
  /** Changes with the first write after the disk was opened; '' when the server does not report it. */
  contentId: string;
  /** `backing.changeId`, the point in time for changed block tracking (CBT); '' when the disk is not tracked. */
  changeId: string;
  /** The file is a link of a chain: the content below it is in its parents. */
  hasParent: boolean;
}

/** Where a disk is attached. */
export interface DiskPlace {
  /** The class of the controller, such as `ParaVirtualSCSIController`. */
  controllerType: string;
  busNumber: number;
  /** The controller's index among those of its class, by bus number: some lease keys use it. */
  indexInType: number;
  /** The controller's device key, which stays distinct when a server gives two controllers the same bus number. */
  controllerKey: number;
  unitNumber: number;
}

/** The order in which vSphere numbers its buses (device keys 200, 1000, 15000, 31000). A disk on an unknown bus comes last. */
const BUS_ORDER = [/IDE/, /SCSI|LsiLogic|BusLogic/, /AHCI|SATA/, /NVME/];

/**
 * Decodes the disks in `config.hardware.device`, sorted by bus, controller and unit. vCenter lists devices in no
 * defined order, and the guest sees disks in hardware order.
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

/** Controllers by device key. */
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
    // capacityInBytes exists since 5.5; capacityInKB is rounded when the capacity is not a multiple of 1 KiB.
    capacityBytes: device.numberOf('capacityInBytes') ?? (device.numberOf('capacityInKB') ?? 0) * 1024,
    fileName: backing?.textOf('fileName') ?? '',
    address: `${controller === undefined ? '' : `${controller.type}${controller.busNumber}`}:${unitNumber ?? ''}`,
    place: controller && unitNumber !== undefined ? placeOn(controller, unitNumber) : undefined,
    listIndex,
    ...(controller && withController(controller)),
    diskMode: backing?.textOf('diskMode') ?? '',
    rawDeviceMapping: isRdm ? (backing?.textOf('compatibilityMode') ?? 'unknown mode') : undefined,
    multiWriter: backing?.textOf('sharing') === 'sharingMultiWriter',
    encrypted: backing?.find('keyId') !== undefined,
    thin: backing?.isTrue('thinProvisioned') ?? false,
    ...(uuid === undefined ? {} : { uuid }),
    contentId: backing?.textOf('contentId') ?? '',
    changeId: backing?.textOf('changeId')?.trim() ?? '',
    hasParent: backing?.find('parent') !== undefined,
  };
}

function placeOn({ key, type, busNumber, indexInType }: Controller, unitNumber: number): DiskPlace {
  return { controllerType: type, busNumber, indexInType, controllerKey: key, unitNumber };
}

/** Keyed by vSphere class name. */
const CONTROLLER_KINDS = new Map<string, ControllerKind>([
  ['VirtualIDEController', 'ide'],
  ['VirtualBusLogicController', 'buslogic'],
  ['VirtualLsiLogicController', 'lsilogic'],
  ['VirtualLsiLogicSASController', 'lsilogicsas'],
  ['ParaVirtualSCSIController', 'pvscsi'],
  ['VirtualAHCIController', 'sata'],
  ['VirtualNVMEController', 'nvme'],
]);

function withController({ type, busNumber, slot }: Controller): Pick<VirtualDisk, 'controller'> {
  const kind = CONTROLLER_KINDS.get(type);
  return kind === undefined ? {} : { controller: { kind, address: busNumber, pciSlotNumber: slot } };
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
 * Bytes that the files of each disk occupy on their datastore, by disk key, from `layoutEx`: the allocated data of a
 * thin disk, the full capacity of a thick one.
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
