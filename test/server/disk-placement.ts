import type { DiskController, DiskOptions } from './options.ts';

/** Key of the first disk. */
export const FIRST_KEY = 2000;

/** A disk and its place in the VM. */
export interface DiskPlace {
  options: DiskOptions;
  capacityBytes: number;
  /** Device key: 2000 and up, the first free one when the disk was added. */
  key: number;
  label: string;
  controller: ControllerPlace;
  unitNumber: number;
}

/** A controller and its bus. */
export interface ControllerPlace {
  kind: ControllerKind;
  /** Device key: the first key of this controller type plus the bus number. */
  key: number;
  /** Bus number. All SCSI controllers of a VM share one number range. */
  bus: number;
}

interface ControllerKind {
  type: string;
  firstKey: number;
  label: string;
  bus: 'scsi' | 'sata' | 'nvme' | 'ide';
}

const CONTROLLERS: Record<DiskController, ControllerKind> = {
  lsilogic: { type: 'VirtualLsiLogicController', firstKey: 1000, label: 'SCSI controller', bus: 'scsi' },
  lsisas: { type: 'VirtualLsiLogicSASController', firstKey: 1000, label: 'SCSI controller', bus: 'scsi' },
  pvscsi: { type: 'ParaVirtualSCSIController', firstKey: 1000, label: 'SCSI controller', bus: 'scsi' },
  sata: { type: 'VirtualAHCIController', firstKey: 15000, label: 'SATA controller', bus: 'sata' },
  nvme: { type: 'VirtualNVMEController', firstKey: 31000, label: 'NVME controller', bus: 'nvme' },
  ide: { type: 'VirtualIDEController', firstKey: 200, label: 'IDE', bus: 'ide' },
};

/**
 * Assigns a key, and a controller and unit unless the options set them, to a disk that is added after `others`.
 * Unit 7 of a SCSI bus is the controller itself.
 */
export function placeDisk(options: DiskOptions, others: readonly DiskPlace[]): DiskPlace {
  const controllers = new Set(others.map((disk) => disk.controller));
  const controller = controllerFor(options, [...controllers]);
  const last = others.findLast((disk) => disk.controller === controller);
  const next = options.unit ?? (last === undefined ? 0 : last.unitNumber + 1);
  let key = FIRST_KEY;
  while (others.some((disk) => disk.key === key)) key += 1;
  return {
    options,
    capacityBytes: options.content.capacityBytes,
    key,
    label: `Hard disk ${key - FIRST_KEY + 1}`,
    controller,
    unitNumber: controller.kind.bus === 'scsi' && next === 7 ? 8 : next,
  };
}

/** Sorts disks as the VM numbers them: by controller, then by unit. */
export function inBusOrder(disks: readonly DiskPlace[]): DiskPlace[] {
  return disks.toSorted((a, b) => a.controller.key - b.controller.key || a.unitNumber - b.unitNumber);
}

/** Returns the controllers that have a disk, sorted by key. */
export function controllersOf(disks: readonly DiskPlace[]): ControllerPlace[] {
  const all = new Set(inBusOrder(disks).map((disk) => disk.controller));
  return [...all];
}

/** Finds or makes the controller of a disk. Without `busNumber`, it is the first one of its type, or a new one on the next free bus. */
function controllerFor(options: DiskOptions, known: readonly ControllerPlace[]): ControllerPlace {
  const kind = CONTROLLERS[options.controller ?? 'lsilogic'];
  const onBus = known.filter((each) => each.kind.bus === kind.bus);
  const found = onBus.find(
    (each) => each.kind === kind && (options.busNumber === undefined || each.bus === options.busNumber),
  );
  if (found !== undefined) return found;
  const bus = options.busNumber ?? Math.max(-1, ...onBus.map((each) => each.bus)) + 1;
  const taken = onBus.some((each) => each.bus === bus);
  if (taken) throw new TypeError(`${kind.label} ${bus} of the VM is of another type`);
  return { kind, bus, key: kind.firstKey + bus };
}
