import type { XmlElement } from './xml-element.ts';

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
  /** The number of the PCI slot of its controller; undefined where the server does not tell. */
  controllerSlot?: number | undefined;
  /** `persistent`, `independent_persistent`, ... */
  diskMode: string;
  /** A raw device mapping and its mode, else undefined. */
  rawDeviceMapping: string | undefined;
  multiWriter: boolean;
  encrypted: boolean;
  thin: boolean;
  /** Changes with the first write after the disk was opened; '' where the server does not tell. */
  contentId: string;
}

/** `VirtualLsiLogicController0`. */
function nameOf(controller: XmlElement | undefined): string {
  return controller === undefined ? '' : `${controller.type}${controller.textOf('busNumber')}`;
}

/** The disks among the devices of `config.hardware.device`, in the order of the hardware. */
export function decodeDisks(devices: readonly XmlElement[]): VirtualDisk[] {
  const controllers = new Map(
    devices.filter((device) => device.find('busNumber')).map((device) => [device.textOf('key'), device]),
  );
  return devices
    .filter((device) => device.type === 'VirtualDisk')
    .map((device) => {
      const backing = device.find('backing');
      const controller = controllers.get(device.textOf('controllerKey'));
      const controllerSlot = controller?.numberOf('slotInfo.pciSlotNumber');
      const isRdm = backing?.type?.includes('RawDiskMapping') ?? false;
      return {
        key: device.numberOf('key') ?? 0,
        label: device.textOf('deviceInfo.label') ?? `disk ${device.textOf('key')}`,
        // capacityInBytes came with 5.5; capacityInKB is rounded where the capacity is no multiple of 1 KiB.
        capacityBytes: device.numberOf('capacityInBytes') ?? (device.numberOf('capacityInKB') ?? 0) * 1024,
        fileName: backing?.textOf('fileName') ?? '',
        address: `${nameOf(controller)}:${device.textOf('unitNumber') ?? ''}`,
        ...(controllerSlot === undefined ? {} : { controllerSlot }),
        diskMode: backing?.textOf('diskMode') ?? '',
        rawDeviceMapping: isRdm ? (backing?.textOf('compatibilityMode') ?? 'unknown mode') : undefined,
        multiWriter: backing?.textOf('sharing') === 'sharingMultiWriter',
        encrypted: backing?.find('keyId') !== undefined,
        thin: backing?.isTrue('thinProvisioned') ?? false,
        contentId: backing?.textOf('contentId') ?? '',
      };
    });
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
