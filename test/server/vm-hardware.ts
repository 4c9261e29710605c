import { createHash } from 'node:crypto';
import type { DiskController, DiskOptions, NetworkCardOptions, VmOptions } from './options.ts';
import { arrayOf, data, enumOf, type DataObject, type MoRef, type ValueArray } from './value.ts';

/** A disk with its place in the VM. */
export interface DiskPlace {
  options: DiskOptions;
  capacityBytes: number;
  /** Device key: 2000 and up. */
  key: number;
  label: string;
  /** Name of the controller's class and the place on its bus, as lease keys have it: `VirtualLsiLogicController0:0`. */
  slot: string;
  unitNumber: number;
  controllerKey: number;
  targetId: string;
}

export const CD_DRIVE_KEY = 3000;

interface ControllerKind {
  type: string;
  firstKey: number;
  label: string;
  scsi: boolean;
}

const CONTROLLERS: Record<DiskController, ControllerKind> = {
  lsilogic: { type: 'VirtualLsiLogicController', firstKey: 1000, label: 'SCSI controller 0', scsi: true },
  pvscsi: { type: 'ParaVirtualSCSIController', firstKey: 1001, label: 'SCSI controller 1', scsi: true },
  sata: { type: 'VirtualAHCIController', firstKey: 15000, label: 'SATA controller 0', scsi: false },
  nvme: { type: 'VirtualNVMEController', firstKey: 31000, label: 'NVME controller 0', scsi: false },
};

/** Gives each disk its key, controller and unit. Unit 7 of a SCSI bus is the controller's own. */
export function placeDisks(disks: readonly DiskOptions[]): DiskPlace[] {
  const used = new Map<string, number>();
  return disks.map((options, index) => {
    const kind = CONTROLLERS[options.controller ?? 'lsilogic'];
    const next = used.get(kind.type) ?? 0;
    const unitNumber = kind.scsi && next === 7 ? 8 : next;
    used.set(kind.type, unitNumber + 1);
    return {
      options,
      capacityBytes: options.content.capacityBytes,
      key: 2000 + index,
      label: `Hard disk ${index + 1}`,
      slot: `${kind.type}0:${unitNumber}`,
      unitNumber,
      controllerKey: kind.firstKey,
      targetId: options.targetId ?? `disk-${index}.vmdk`,
    };
  });
}

/** The list `config.hardware.device`. */
export function hardwareDevices(
  vm: Omit<VmOptions, 'iso'> & { iso: string | undefined },
  disks: readonly DiskPlace[],
  place: { datastore: MoRef; network: MoRef; folder: string; contentSeed: string | undefined },
): ValueArray {
  const kinds = Object.values(CONTROLLERS).filter((kind) => disks.some((disk) => disk.controllerKey === kind.firstKey));
  const devices = [
    data('VirtualIDEController', {
      key: 200,
      deviceInfo: description('IDE 0', 'IDE 0'),
      busNumber: 0,
      device: arrayOf('int', vm.iso === undefined ? [] : [CD_DRIVE_KEY]),
    }),
    ...kinds.map((kind) => controller(kind, disks)),
    ...disks.map((disk) => virtualDisk(disk, place)),
    ...(vm.networkCards ?? []).map((card, index) => networkCard(card, index, place.network)),
  ];
  if (vm.iso !== undefined) devices.push(cdDrive(vm.iso, place.datastore));
  if (vm.passthrough === true) {
    devices.push(
      data('VirtualPCIPassthrough', { key: 13000, deviceInfo: description('PCI device 0', 'PCI device 0') }),
    );
  }
  if (vm.virtualTpm === true) {
    devices.push(data('VirtualTPM', { key: 11000, deviceInfo: description('Virtual TPM', 'Trusted Platform Module') }));
  }
  return arrayOf('VirtualDevice', devices);
}

function controller(kind: ControllerKind, disks: readonly DiskPlace[]): DataObject {
  const own = disks.filter((disk) => disk.controllerKey === kind.firstKey).map((disk) => disk.key);
  const common = {
    key: kind.firstKey,
    deviceInfo: description(kind.label, kind.type),
    busNumber: 0,
    device: arrayOf('int', own),
  };
  const scsi = { hotAddRemove: true, sharedBus: enumOf('VirtualSCSISharing', 'noSharing'), scsiCtlrUnitNumber: 7 };
  return data(kind.type, kind.scsi ? { ...common, ...scsi } : common);
}

function virtualDisk(
  disk: DiskPlace,
  place: { datastore: MoRef; folder: string; contentSeed: string | undefined },
): DataObject {
  const { options } = disk;
  const file = {
    fileName: `[datastore1] ${place.folder}/${place.folder}_${disk.key - 2000}.vmdk`,
    datastore: place.datastore,
  };
  const sharing = options.multiWriter === true ? 'sharingMultiWriter' : 'sharingNone';
  const backing =
    options.rawDeviceMapping === undefined
      ? data('VirtualDiskFlatVer2BackingInfo', {
          ...file,
          diskMode: options.mode ?? 'persistent',
          split: false,
          writeThrough: false,
          thinProvisioned: true,
          contentId: place.contentSeed === undefined ? undefined : contentId(`${place.contentSeed} ${disk.key}`),
          sharing,
          keyId: options.encrypted === true ? data('CryptoKeyId', { keyId: 'key-1' }) : undefined,
        })
      : data('VirtualDiskRawDiskMappingVer1BackingInfo', {
          ...file,
          lunUuid: '0200000000600508b1001c',
          deviceName: 'vml.0200000000600508b1001c',
          compatibilityMode: options.rawDeviceMapping,
          diskMode: options.mode ?? 'independent_persistent',
          sharing,
        });
  return data('VirtualDisk', {
    key: disk.key,
    deviceInfo: description(disk.label, `${(disk.capacityBytes / 1024).toLocaleString('en-US')} KB`),
    backing,
    controllerKey: disk.controllerKey,
    unitNumber: disk.unitNumber,
    capacityInKB: BigInt(Math.floor(disk.capacityBytes / 1024)),
    capacityInBytes: BigInt(disk.capacityBytes),
  });
}

/** 32 hex digits; equal ones mean equal content. */
function contentId(seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, 32);
}

const CARD_TYPES = { vmxnet3: 'VirtualVmxnet3', e1000: 'VirtualE1000', e1000e: 'VirtualE1000e' } as const;

function networkCard(card: NetworkCardOptions, index: number, network: MoRef): DataObject {
  const name = card.network ?? 'VM Network';
  return data(CARD_TYPES[card.model ?? 'vmxnet3'], {
    key: 4000 + index,
    deviceInfo: description(`Network adapter ${index + 1}`, name),
    backing: data('VirtualEthernetCardNetworkBackingInfo', { deviceName: name, network }),
    connectable: connectable(),
    ...(card.pciSlotNumber === undefined
      ? {}
      : { slotInfo: data('VirtualDevicePciBusSlotInfo', { pciSlotNumber: card.pciSlotNumber }) }),
    controllerKey: 100,
    unitNumber: 7 + index,
    addressType: 'assigned',
    macAddress: card.macAddress,
    wakeOnLanEnabled: true,
  });
}

function cdDrive(iso: string, datastore: MoRef): DataObject {
  return data('VirtualCdrom', {
    key: CD_DRIVE_KEY,
    deviceInfo: description('CD/DVD drive 1', `ISO ${iso}`),
    backing: data('VirtualCdromIsoBackingInfo', { fileName: iso, datastore }),
    connectable: connectable(),
    controllerKey: 200,
    unitNumber: 0,
  });
}

function connectable(): DataObject {
  return data('VirtualDeviceConnectInfo', {
    startConnected: true,
    allowGuestControl: true,
    connected: true,
    status: 'ok',
  });
}

function description(label: string, summary: string): DataObject {
  return data('Description', { label, summary });
}
