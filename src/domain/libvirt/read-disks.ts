import { isAbsolute } from 'node:path';
import { childOf, childrenOf, type XmlNode } from './xml-tree.ts';

/** A hard disk of a domain. */
export interface ReadDisk {
  /** Absolute: a file or a block device. */
  path: string;
  /** libvirt's format name, which is also QEMU's: `qcow2`, `raw`, `vmdk`. */
  format: string;
  bus: string;
  /** For the bus `scsi` only. */
  scsi: { model: string; controller: number; target: number; lun: number } | undefined;
  bootOrder: number | undefined;
  /** Only letters, digits and `_.+-`. libvirt also allows spaces; a serial with spaces is dropped. */
  serial: string | undefined;
}

type Refuse = (what: string) => never;

/** libvirt's default for a SCSI controller without a model. */
const DEFAULT_SCSI_MODEL = 'lsilogic';
/**
 * libvirt places this many disks without an address on a SCSI controller, unless the controller is wide. The same
 * limit applies here.
 */
const SCSI_DISKS = 7;

/** The hard disks of a domain's devices, without CD-ROMs and floppies. */
export function readDisks(devices: XmlNode | undefined, refuse: Refuse): ReadDisk[] {
  const models = scsiModels(devices);
  const disks = childrenOf(devices, 'disk').filter(({ attributes }) => (attributes.get('device') ?? 'disk') === 'disk');
  const hasOwnOrder = disks.some((disk) => childOf(disk, 'boot') !== undefined);
  return disks.map((disk, index) => {
    const target = childOf(disk, 'target')?.attributes;
    const name = target?.get('dev') ?? '';
    const bus = target?.get('bus') ?? busOfName(name);
    const order = Number(childOf(disk, 'boot')?.attributes.get('order'));
    return {
      path: pathOf(disk, name, refuse),
      format: childOf(disk, 'driver')?.attributes.get('type') ?? 'raw',
      bus,
      scsi: bus === 'scsi' ? scsiPlace(disk, name, models, refuse) : undefined,
      // Without a boot order, the domain tries its first disk.
      bootOrder: hasOwnOrder ? (order >= 1 ? order : undefined) : index + 1,
      serial: serialOf(disk),
    };
  });
}

function serialOf(disk: XmlNode): string | undefined {
  const text = childOf(disk, 'serial')?.text.trim();
  return text !== undefined && /^[\w.+-]{1,36}$/.test(text) ? text : undefined;
}

function pathOf(disk: XmlNode, name: string, refuse: Refuse): string {
  const type = disk.attributes.get('type') ?? 'file';
  const source = childOf(disk, 'source')?.attributes;
  const path = type === 'file' ? source?.get('file') : type === 'block' ? source?.get('dev') : undefined;
  if (path === undefined) return refuse(`its disk ${name} is not a file or block device of this host`);
  if (!isAbsolute(path)) return refuse(`the path of its disk ${name} is not absolute`);
  return path;
}

/** Indexed by controller. */
function scsiModels(devices: XmlNode | undefined): Map<number, string> {
  const controllers = childrenOf(devices, 'controller').filter(({ attributes }) => attributes.get('type') === 'scsi');
  return new Map(
    controllers.map(({ attributes }, position) => [
      Number(attributes.get('index') ?? position),
      attributes.get('model') ?? DEFAULT_SCSI_MODEL,
    ]),
  );
}

/** The disk's address; without one, the address that libvirt derives from the name: `sda` is the first. */
function scsiPlace(disk: XmlNode, name: string, models: ReadonlyMap<number, string>, refuse: Refuse): ReadDisk['scsi'] {
  const address = childOf(disk, 'address')?.attributes;
  if (address?.get('type') !== 'drive') {
    const index = indexOfName(name);
    const controller = Math.floor(index / SCSI_DISKS);
    const model = models.get(controller) ?? models.get(0) ?? DEFAULT_SCSI_MODEL;
    return { model, controller, target: index % SCSI_DISKS, lun: 0 };
  }
  const part = (key: string): number => {
    const text = address.get(key) ?? '0';
    return /^\d{1,3}$/.test(text)
      ? Number(text)
      : refuse(`the address of its disk ${name} has the ${key} ${text.slice(0, 40)}`);
  };
  const [controller, target, unit] = [part('controller'), part('target'), part('unit')];
  const model = models.get(controller) ?? DEFAULT_SCSI_MODEL;
  // A parallel controller has no LUNs in libvirt: the unit is the SCSI id.
  return model === 'lsilogic' ? { model, controller, target: unit, lun: 0 } : { model, controller, target, lun: unit };
}

/** libvirt's rule for a target without a bus. */
function busOfName(name: string): string {
  if (name.startsWith('vd')) return 'virtio';
  return name.startsWith('hd') ? 'ide' : 'scsi';
}

/** 0 for `sda`, 26 for `sdaa`. */
function indexOfName(name: string): number {
  const letters = /^[a-z]d([a-z]{1,3})$/.exec(name)?.[1] ?? 'a';
  return letters.split('').reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 0x60, 0) - 1;
}
