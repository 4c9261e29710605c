import { architectureOf } from '../../../domain/architecture.ts';
import type { DomainSource } from '../../../domain/domain-source.ts';
import type { SinkFormat } from '../../../image/model/encoding.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { VmHardware } from '../../../vsphere/vm/vm-hardware.ts';
import { obstacleOfGuest } from '../../domain/foreign-guest.ts';
import { makeDomain, type HardwareReport } from '../../domain/make-domain.ts';
import type { HardwareOption } from '../../../domain/hardware-choice.ts';
import { targetHardware } from '../../fix-guest/target-hardware.ts';
import { virtioSupportOf, fixImages } from '../../fix-guest/fix-images.ts';
import type { GuestNet } from '../../../base/guest-net.ts';
import type { FixReport } from '../../fix-guest/types.ts';
import { guestAddressOf } from '../../fix-guest/guest-address.ts';
import { machineOfVm } from './machine-of-vm.ts';
import type { ExportOptions } from '../types.ts';
import type { ExportStep } from '../../events.ts';

/** Records that the images are being changed and no longer match the download. */
export interface ChangeRecord {
  beginChange(): Promise<void>;
  /** Ends a change that failed. Images that are still as downloaded can be reused. */
  keepUnchanged(): Promise<void>;
}

/** A VM whose disks are complete images, still named `.partial`. */
export interface FetchedVm {
  vm: NamedVm;
  vmHardware: VmHardware;
  /** In hardware order. */
  disks: readonly VirtualDisk[];
  /** The disks of the VM that have no image. */
  leftOut: readonly VirtualDisk[];
  /** The final path of each disk image. */
  paths: readonly string[];
  /** The current paths. */
  partialPaths: readonly string[];
  format: SinkFormat;
  /** The format at the current paths, if it is another one. */
  partialFormat?: SinkFormat;
  changes: ChangeRecord;
  /** The addresses of the guest, if they are known. */
  guestNet?: GuestNet | undefined;
  step: (step: ExportStep, detail: string) => void;
}

/** The options that decide about the guest and its domain. */
export type MachineOptions = Pick<ExportOptions, 'guest' | 'hardware' | 'networks' | 'kubevirt' | 'env'>;

export interface MadeMachine {
  /** The text of the libvirt domain or manifest. */
  domain: string;
  hardware: HardwareReport;
  guest?: FixReport;
}

/**
 * Prepares the guest in the images for KVM, as requested, and creates the text of its libvirt domain or manifest. Does
 * not contact the server.
 */
export async function makeMachine(
  fetched: FetchedVm,
  { guest: requested, hardware: wanted, networks, kubevirt = false, env }: MachineOptions,
  signal: AbortSignal,
): Promise<MadeMachine> {
  const { vm, vmHardware, disks, leftOut, paths, format, step } = fetched;
  const machine = machineOfVm(vm, vmHardware, disks, leftOut);
  const guest = await fixFetched(fetched, machine, { requested, wanted, env }, signal);
  step('descriptor', kubevirt ? 'Writing the manifest for KubeVirt' : 'Writing the libvirt domain');
  const images = paths.map((path, index) => ({
    path,
    format,
    virtualSizeBytes: disks[index]?.capacityBytes ?? 0,
  }));
  const { text, hardware } = await makeDomain(
    { machine, images, wanted, virtioSupport: virtioSupportOf(guest), networks, kubevirt },
    signal,
  );
  return { domain: text, hardware, ...(guest === undefined ? {} : { guest }) };
}

/** Marks the images before their first byte changes: the next run must not reuse an image that a killed run was changing. */
async function fixFetched(
  { vmHardware, disks, partialPaths, format, partialFormat = format, changes, guestNet, step }: FetchedVm,
  machine: DomainSource,
  { requested, wanted, env }: { requested: ExportOptions['guest']; wanted: HardwareOption; env: NodeJS.ProcessEnv },
  signal: AbortSignal,
): Promise<FixReport | undefined> {
  if (requested.fix === 'off') return undefined;
  step('fix', 'Inspecting the guest');
  const images = partialPaths.map((path, index) => {
    const disk = disks[index];
    return {
      path,
      format: partialFormat,
      address: disk && guestAddressOf({ ...disk, unitNumber: disk.place?.unitNumber }),
      uuid: disk?.uuid,
    };
  });
  try {
    const report = ({ detail }: { detail: string }): void => step('fix', detail);
    const obstacle = obstacleOfGuest(architectureOf(vmHardware));
    const hardware = targetHardware(machine, images.length, wanted);
    const beforeChange = (): Promise<void> => changes.beginChange();
    const vmToFix = { images, nics: machine.nics, hardware, guestNet, beforeChange, obstacle, env };
    return await fixImages(vmToFix, requested, { signal, report });
  } catch (error) {
    await changes.keepUnchanged();
    throw error;
  }
}
