import type { BootDisk } from './boot-machine.ts';

/** Ports of QEMU's AHCI controller, and disks of one IDE controller. */
const SATA_PORTS = 6;
const IDE_DISKS = 4;

interface Placed {
  disk: BootDisk;
  /** The block node of the disk. */
  node: string;
}

/**
 * The QEMU devices for the disks, each with the node of its index: `disk0`, `disk1`. A controller precedes its disks.
 */
export function diskDevices(disks: readonly BootDisk[], machine: 'q35' | 'pc'): string[] {
  const placed = disks.map((disk, index) => ({ disk, node: `disk${index}` }));
  const on = (bus: string) => placed.filter(({ disk }) => disk.place.bus === bus);
  return [
    ...on('virtio').map((each) => device('virtio-blk-pci', each)),
    ...on('nvme').map((each) => device('nvme', { ...each, disk: { serial: each.node, ...each.disk } })),
    ...sataDevices(on('sata'), machine),
    ...on('ide').map((each, index) => ideDevice(each, index)),
    ...scsiDevices(on('scsi')),
    ...usbDevices(on('usb')),
  ];
}

/** More disks than the VM's IDE controllers can hold. */
export function tooManyIdeDisks(disks: readonly BootDisk[]): boolean {
  return disks.filter(({ place }) => place.bus === 'ide').length > IDE_DISKS;
}

/** q35 has one built-in controller, `ide.0` to `ide.5`; more are added. */
function sataDevices(placed: readonly Placed[], machine: 'q35' | 'pc'): string[] {
  return placed.flatMap((each, index) => {
    const controller = Math.floor(index / SATA_PORTS);
    const port = index % SATA_PORTS;
    const isOwn = controller === 0 && machine === 'q35';
    const added = port === 0 && !isOwn ? [`ahci,id=sata${controller}`] : [];
    const bus = isOwn ? `ide.${port}` : `sata${controller}.${port}`;
    return [...added, device(`ide-hd,bus=${bus}`, each)];
  });
}

function ideDevice(each: Placed, index: number): string {
  return device(`ide-hd,bus=ide.${Math.floor(index / 2)},unit=${index % 2}`, each);
}

/** Each controller once, before the first of its disks. */
function scsiDevices(placed: readonly Placed[]): string[] {
  const made = new Set<number>();
  return placed.flatMap((each) => {
    const { place } = each.disk;
    if (place.bus !== 'scsi') return [];
    const { model, controller, target, lun } = place;
    const added = made.has(controller) ? [] : [`${model},id=scsi${controller}`];
    made.add(controller);
    return [...added, device(`scsi-hd,bus=scsi${controller}.0,channel=0,scsi-id=${target},lun=${lun}`, each)];
  });
}

function usbDevices(placed: readonly Placed[]): string[] {
  if (placed.length === 0) return [];
  return ['qemu-xhci,id=usb', ...placed.map((each) => device('usb-storage,bus=usb.0', each))];
}

function device(front: string, { disk, node }: Placed): string {
  const order = disk.bootIndex === undefined ? '' : `,bootindex=${disk.bootIndex}`;
  const serial = disk.serial === undefined ? '' : `,serial=${disk.serial}`;
  return `${front},drive=${node}${serial}${order}`;
}
