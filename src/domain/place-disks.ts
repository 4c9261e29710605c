import type { VmController, VmDisk } from '../base/vm-config.ts';
import type { DiskBus, DomainDisk, ScsiModel } from './domain-facts.ts';
import type { HardwareKind } from './hardware-choice.ts';
import { CONTROLLER_WORDS, emulatedController, isKnownToUefi, NEAR_LSI_LOGIC } from './source-devices.ts';
import type { DomainSource } from './domain-source.ts';

export type DiskPlace = Pick<DomainDisk, 'bus' | 'scsi'>;

export interface PlacedDisks {
  /** One per disk, in disk order. */
  places: DiskPlace[];
  cdRoms: Extract<DiskBus, 'sata' | 'ide'>[];
  scsiControllers: ScsiModel[];
  /** Sentences about disks that are not in their original place although they should be. */
  notes: string[];
}

export interface PlacingRules {
  kind: HardwareKind;
  /** The bus for disks without another place: `ide` for a guest without SATA support. */
  fallback: 'sata' | 'ide';
  /** The domain's machine type supports IDE. */
  allowsIde: boolean;
  /** By QEMU's names; undefined allows all. */
  devices: ReadonlySet<string> | undefined;
  firmware: DomainSource['firmware'];
}

/** Machine `pc` has two IDE channels with two drives each. */
const MOST_IDE_DRIVES = 4;

/** Assigns each disk and each empty CD-ROM drive its place on KVM. */
export function placeDisks(
  disks: readonly VmDisk[],
  cdRomCount: number,
  { kind, fallback, allowsIde, devices, firmware }: PlacingRules,
): PlacedDisks {
  const notes = new Set<string>();
  const scsi = new ScsiPlaces();
  let ideDrives = 0;
  const plain = (bus: 'sata' | 'ide'): 'sata' | 'ide' =>
    bus === 'ide' && allowsIde && ideDrives++ < MOST_IDE_DRIVES ? 'ide' : 'sata';
  const places = disks.map(({ controller }): DiskPlace => {
    if (kind === 'virtio') return { bus: 'virtio' };
    if (kind === 'sata') return { bus: plain(fallback) };
    const emulated = emulatedController(controller?.kind);
    const isThere = emulated !== undefined && (devices === undefined || devices.has(emulated.device));
    if (controller === undefined || !isThere || (emulated.bus === 'ide' && !allowsIde)) {
      const bus = plain(fallback);
      notes.add(replacedNote(controller, bus));
      return { bus };
    }
    if (firmware === 'uefi' && !isKnownToUefi(controller.kind)) notes.add(unseenNote(controller));
    if (controller.kind === 'lsilogic') notes.add(NEAR_LSI_LOGIC);
    if (emulated.bus === 'ide') return { bus: plain('ide') };
    if (emulated.model === undefined) return { bus: emulated.bus };
    return { bus: 'scsi', scsi: scsi.next(controller, emulated.model, emulated.mostDisks) };
  });
  const cdRoms = Array.from({ length: cdRomCount }, () =>
    plain(places.some(({ bus }) => bus === 'ide') ? 'ide' : fallback),
  );
  return { places, cdRoms, scsiControllers: scsi.models, notes: [...notes] };
}

function unseenNote({ kind }: VmController): string {
  return `The UEFI firmware of many hosts has no driver for the ${CONTROLLER_WORDS[kind]} controller and may not start from its disks. Check that it does, or use --hardware virtio or sata.`;
}

function replacedNote(controller: VmController | undefined, bus: 'sata' | 'ide'): string {
  const to = CONTROLLER_WORDS[bus];
  if (controller === undefined) return `The source does not specify the controller of a disk: ${to} is used.`;
  return `QEMU cannot emulate the ${CONTROLLER_WORDS[controller.kind]} controller of the source: its disks are on ${to}.`;
}

/**
 * The SCSI controllers of a VM with their disks, target by target. A controller that has fewer targets in QEMU than
 * it had on VMware overflows to another one.
 */
class ScsiPlaces {
  readonly models: ScsiModel[] = [];
  readonly #open = new Map<string, { controller: number; disks: number }>();

  next({ kind, address }: VmController, model: ScsiModel, mostDisks: number): { controller: number; target: number } {
    const key = `${kind} ${address}`;
    let place = this.#open.get(key);
    if (place === undefined || place.disks === mostDisks) {
      place = { controller: this.models.push(model) - 1, disks: 0 };
      this.#open.set(key, place);
    }
    return { controller: place.controller, target: place.disks++ };
  }
}
