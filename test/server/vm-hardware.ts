import { controllersOf, type ControllerPlace, type DiskPlace } from './disk-placement.ts';
import type { DiskLayer } from './disks/disk-layer.ts';
import type { DiskState, VmDisk } from './disks/vm-disk.ts';
import type { NetworkCardOptions, VmOptions } from './options.ts';
import { arrayOf, data, enumOf, type DataObject, type MoRef, type ValueArray } from './value.ts';

export const CD_DRIVE_KEY = 3000;

/** The IDE controller that every VM has. */
const IDE_KEY = 200;

/** The unit of the CD drive on its IDE controller: after a disk, if there is one. */
export function cdDriveUnit(disks: readonly DiskPlace[]): number {
  return disks.some((disk) => disk.controller.key === IDE_KEY && disk.unitNumber === 0) ? 1 : 0;
}

/** Returns the list `config.hardware.device`. */
export function hardwareDevices(
  vm: Omit<VmOptions, 'iso'> & { iso: string | undefined },
  states: readonly DiskState[],
  place: { datastore: MoRef; network: MoRef; isTracking: boolean },
): ValueArray {
  const disks = states.map(({ disk }) => disk);
  const ideDisks = disks.filter((disk) => disk.controller.key === IDE_KEY).map((disk) => disk.key);
  const devices = [
    data('VirtualIDEController', {
      key: IDE_KEY,
      deviceInfo: description('IDE 0', 'IDE 0'),
      busNumber: 0,
      device: arrayOf('int', vm.iso === undefined ? ideDisks : [...ideDisks, CD_DRIVE_KEY]),
    }),
    ...controllersOf(disks)
      .filter(({ key }) => key !== IDE_KEY)
      .map((each) => controller(each, disks)),
    ...states.map((state) => virtualDisk(state, place)),
    ...(vm.networkAdapters ?? []).map((card, index) => networkCard(card, index, place.network)),
  ];
  if (vm.iso !== undefined) devices.push(cdDrive(vm.iso, place.datastore, cdDriveUnit(disks)));
  if (vm.passthrough === true) {
    devices.push(
      data('VirtualPCIPassthrough', { key: 13000, deviceInfo: description('PCI device 0', 'PCI device 0') }),
    );
  }
  if (vm.virtualTpm === true) {
    devices.push(data('VirtualTPM', { key: 11000, deviceInfo: description('Virtual TPM', 'Trusted Platform Module') }));
  }
  return arrayOf('VirtualDevice', vm.deviceOrder === 'shuffled' ? shuffled(devices) : devices);
}

/** The order recorded from a vCenter 6.7: disks, then the rest in reverse order, then the first disk. */
function shuffled(devices: readonly DataObject[]): DataObject[] {
  const [first, ...others] = devices.filter((device) => device.type === 'VirtualDisk');
  const rest = devices.filter((device) => device.type !== 'VirtualDisk').toReversed();
  return [...others, ...rest, ...(first === undefined ? [] : [first])];
}

function controller({ kind, key, bus }: ControllerPlace, disks: readonly DiskPlace[]): DataObject {
  const own = disks.filter((disk) => disk.controller.key === key);
  const sharing = own.find((disk) => disk.options.sharedBus !== undefined)?.options.sharedBus ?? 'noSharing';
  const common = {
    key,
    deviceInfo: description(`${kind.label} ${bus}`, kind.type),
    busNumber: bus,
    device: arrayOf(
      'int',
      own.map((disk) => disk.key),
    ),
  };
  const scsi = { hotAddRemove: true, sharedBus: enumOf('VirtualSCSISharing', sharing), scsiCtlrUnitNumber: 7 };
  return data(kind.type, kind.bus === 'scsi' ? { ...common, ...scsi } : common);
}

function virtualDisk(
  { disk, layer, uuid, contentId, changeId }: DiskState,
  { datastore, isTracking }: { datastore: MoRef; isTracking: boolean },
): DataObject {
  const { options } = disk;
  const file = { fileName: disk.fileName(layer), datastore };
  // An ID that is set but empty is that of a disk that should be tracked and is not.
  const shownId = changeId === '' && !(isTracking && disk.isTrackable) ? undefined : changeId;
  const sharing = options.multiWriter === true ? 'sharingMultiWriter' : 'sharingNone';
  const parent = layer.parent === undefined ? undefined : parentBacking(disk, layer.parent, datastore);
  const backing =
    options.rawDeviceMapping === undefined
      ? data('VirtualDiskFlatVer2BackingInfo', {
          ...file,
          diskMode: options.mode ?? 'persistent',
          split: false,
          writeThrough: false,
          thinProvisioned: true,
          uuid,
          contentId,
          changeId: shownId,
          parent,
          sharing,
          keyId: options.encrypted === true ? data('CryptoKeyId', { keyId: 'key-1' }) : undefined,
        })
      : data('VirtualDiskRawDiskMappingVer1BackingInfo', {
          ...file,
          lunUuid: '0200000000600508b1001c',
          deviceName: 'vml.0200000000600508b1001c',
          compatibilityMode: options.rawDeviceMapping,
          diskMode: options.mode ?? 'independent_persistent',
          uuid,
          changeId: shownId,
          parent,
          sharing,
        });
  return data('VirtualDisk', {
    key: disk.key,
    deviceInfo: description(disk.label, `${(layer.capacityBytes / 1024).toLocaleString('en-US')} KB`),
    backing,
    controllerKey: disk.controller.key,
    unitNumber: disk.unitNumber,
    capacityInKB: BigInt(Math.floor(layer.capacityBytes / 1024)),
    capacityInBytes: BigInt(layer.capacityBytes),
  });
}

/** The backing of a file below the one that a disk writes to. */
function parentBacking(disk: VmDisk, layer: DiskLayer, datastore: MoRef): DataObject {
  return data('VirtualDiskFlatVer2BackingInfo', {
    fileName: disk.fileName(layer),
    datastore,
    diskMode: 'persistent',
    uuid: disk.uuid,
    changeId: layer.facts.changeId === '' ? undefined : layer.facts.changeId,
    parent: layer.parent === undefined ? undefined : parentBacking(disk, layer.parent, datastore),
  });
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

function cdDrive(iso: string, datastore: MoRef, unitNumber: number): DataObject {
  return data('VirtualCdrom', {
    key: CD_DRIVE_KEY,
    deviceInfo: description('CD/DVD drive 1', `ISO ${iso}`),
    backing: data('VirtualCdromIsoBackingInfo', { fileName: iso, datastore }),
    connectable: connectable(),
    controllerKey: IDE_KEY,
    unitNumber,
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
