import { randomBytes } from 'node:crypto';
import { Hyper2kvmError } from '../../base/errors.ts';
import { exists } from '../../base/files/exists.ts';
import type { ReadDisk } from '../../domain/libvirt/read-disks.ts';
import type { ReadDomain } from '../../domain/libvirt/read-domain.ts';
import type { BootDisk, BootFirmware, DiskFormat, DiskPlace, ScsiModel } from '../../guest/boot/qemu/boot-machine.ts';
import { tooManyIdeDisks } from '../../guest/boot/qemu/disk-arguments.ts';
import { findUefiFirmware } from '../../guest/boot/qemu/uefi-firmware.ts';
import { IMAGE_FORMATS } from '../../image/model/image.ts';
import type { BootTarget } from './boot-target.ts';

/** Maps libvirt's SCSI controller models to QEMU's device names. */
const SCSI_MODELS: ReadonlyMap<string, ScsiModel> = new Map([
  ['virtio-scsi', 'virtio-scsi-pci'],
  ['virtio-transitional', 'virtio-scsi-pci'],
  ['virtio-non-transitional', 'virtio-scsi-pci'],
  ['vmpvscsi', 'pvscsi'],
  ['lsilogic', 'lsi53c895a'],
  ['lsisas1068', 'mptsas1068'],
  ['lsisas1078', 'megasas'],
]);

const NIC_DEVICES: ReadonlyMap<string, string> = new Map([
  ['virtio', 'virtio-net-pci'],
  ['virtio-transitional', 'virtio-net-pci'],
  ['virtio-non-transitional', 'virtio-net-pci'],
  ...['e1000', 'e1000e', 'igb', 'rtl8139', 'vmxnet3', 'pcnet', 'ne2k_pci', 'i82551', 'i82557b', 'i82559er'].map(
    (name): [string, string] => [name, name],
  ),
]);

/** More vCPUs need interrupt remapping, which the test does not use. */
const MOST_VCPUS = 255;

/**
 * The VM of a domain, with the firmware that this host has for it.
 * @throws kind `image` for hardware that QEMU does not emulate, kind `host` for missing firmware.
 */
export async function machineOfDomain(domain: ReadDomain): Promise<Omit<BootTarget, 'isDisk'>> {
  const { name, uuid, memoryBytes, machine, clock, hasTpm } = domain;
  const isLarge = domain.vcpus > MOST_VCPUS;
  const disks = domain.disks.map((disk) => bootDisk(disk, machine));
  if (tooManyIdeDisks(disks)) throw unknown('more than four disks on the bus ide');
  return {
    name,
    warnings: [
      ...(hasTpm ? ['The boot test does not include the TPM of the domain.'] : []),
      ...(isLarge ? [`The boot test runs with ${MOST_VCPUS} of the ${domain.vcpus} vCPUs of the domain.`] : []),
    ],
    machine: {
      machine,
      memoryBytes,
      vcpus: isLarge ? MOST_VCPUS : domain.vcpus,
      coresPerSocket: isLarge ? undefined : domain.coresPerSocket,
      clock,
      uuid,
      firmware: await firmwareOf(domain),
      disks,
      nics: domain.nics.map(({ mac, model, onRootBus }) => ({
        mac: mac ?? newMac(),
        device: nicDevice(model),
        onRootBus,
      })),
      hasAgentPort: domain.hasAgentChannel,
    },
  };
}

/**
 * The firmware files that the domain names, including its own variables; otherwise the host's firmware that matches
 * the domain's needs.
 */
async function firmwareOf({ firmware, machine }: ReadDomain): Promise<BootFirmware> {
  if (firmware.kind === 'bios') return { kind: 'bios' };
  const { secureBoot, loader, nvram } = firmware;
  const vars = nvram !== undefined && (await exists(nvram.path)) ? nvram : undefined;
  const found = await findUefiFirmware({ machine, secureBoot });
  const own = vars === undefined ? {} : { varsPath: vars.path, varsFormat: vars.format };
  if (loader === undefined || !(await exists(loader.path))) return { ...found, ...own };
  return { ...found, codePath: loader.path, codeFormat: loader.format, ...own };
}

function bootDisk(disk: ReadDisk, machine: 'q35' | 'pc'): BootDisk {
  const format: DiskFormat | undefined = IMAGE_FORMATS.find((name) => name === disk.format);
  if (format === undefined) throw unknown(`the format ${disk.format} of the disk ${disk.path}`);
  return { path: disk.path, format, place: placeOf(disk, machine), bootIndex: disk.bootOrder, serial: disk.serial };
}

function placeOf({ bus, scsi, path }: ReadDisk, machine: 'q35' | 'pc'): DiskPlace {
  if (bus === 'virtio' || bus === 'sata' || bus === 'usb' || bus === 'nvme') return { bus };
  if (bus === 'ide' && machine === 'pc') return { bus };
  if (bus !== 'scsi' || scsi === undefined)
    throw unknown(`the bus ${bus} of the disk ${path} on the machine type ${machine}`);
  const model = SCSI_MODELS.get(scsi.model);
  if (model === undefined) throw unknown(`the SCSI controller ${scsi.model}`);
  return { ...scsi, bus: 'scsi', model };
}

function nicDevice(model: string): string {
  const device = NIC_DEVICES.get(model);
  if (device === undefined) throw unknown(`the NIC model ${model}`);
  return device;
}

function unknown(what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `The boot test does not support ${what}.`, {
    hint: 'Change it in the domain, or test only the disk.',
  });
}

/** A MAC address in the range that QEMU and libvirt use. */
export function newMac(): string {
  return `52:54:00:${randomBytes(3)
    .toString('hex')
    .replace(/..(?!$)/g, '$&:')}`;
}
