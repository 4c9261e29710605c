import { open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import { readDomain } from '../../domain/libvirt/read-domain.ts';
import type { BootFirmware, BootMachine } from '../../guest/boot/qemu/boot-machine.ts';
import { findUefiFirmware } from '../../guest/boot/qemu/uefi-firmware.ts';
import { openImage } from '../../image/open-image.ts';
import type { BootTarget } from './boot-target.ts';
import { machineOfDomain, newMac } from './machine-of-domain.ts';
import type { BootTestOptions } from './types.ts';

const DEFAULT_MEMORY_BYTES = 2 * 2 ** 30;
const DEFAULT_VCPUS = 2;
/** The largest domain that `readDomain` accepts, in the longest encoding. A larger file is a disk. */
const MOST_DOMAIN_BYTES = 8 * 2 ** 20;

/**
 * Detects by content whether the target is a domain or a disk, and builds a VM for it.
 * @throws kind `local-file`, kind `image`, or kind `host` if the firmware is missing.
 */
export async function readTarget(options: BootTestOptions): Promise<BootTarget> {
  const text = options.inputFormat === undefined ? await domainText(options.target) : undefined;
  if (text === undefined) return targetOfDisk(options);
  if (options.firmware !== undefined) {
    throw new Hyper2kvmError(
      'usage',
      '--firmware applies only to a standalone disk: a domain defines its own firmware.',
      {
        hint: 'Omit it.',
      },
    );
  }
  const domain = readDomain(text, options.target);
  const { machine, name, warnings } = await machineOfDomain(domain);
  const memoryBytes = options.memoryBytes ?? machine.memoryBytes;
  return { name, isDisk: false, warnings, machine: { ...machine, memoryBytes } };
}

/** The text of an XML file; undefined if the file does not begin like XML. */
async function domainText(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const head = Buffer.alloc(512);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      const { size } = await file.stat();
      const isXml = /^(?:\uFEFF)?\s*</.test(head.toString('utf8', 0, bytesRead));
      return isXml && size <= MOST_DOMAIN_BYTES ? await file.readFile('utf8') : undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw localFileError('read', path, error);
  }
}

/**
 * Uses virtio for every device: the hardware that a guest prepared for KVM is expected to run on. NICs are those of the
 * known addresses, otherwise one.
 */
async function targetOfDisk(options: BootTestOptions): Promise<BootTarget> {
  const { target, inputFormat, firmware, memoryBytes, guestNet } = options;
  const path = resolve(target);
  await using image = await openImage(path, { format: inputFormat });
  const machine: BootMachine = {
    machine: 'q35',
    memoryBytes: memoryBytes ?? DEFAULT_MEMORY_BYTES,
    vcpus: DEFAULT_VCPUS,
    coresPerSocket: undefined,
    clock: 'utc',
    uuid: undefined,
    firmware: await firmwareOf(firmware ?? 'bios'),
    disks: [{ path, format: image.format, place: { bus: 'virtio' }, bootIndex: 1 }],
    nics: (guestNet?.nics ?? [{ mac: newMac() }]).map(({ mac }) => ({ mac, device: 'virtio-net-pci' })),
  };
  return { name: basename(path), isDisk: true, machine, warnings: [] };
}

async function firmwareOf(kind: 'bios' | 'uefi'): Promise<BootFirmware> {
  return kind === 'bios' ? { kind } : findUefiFirmware({ machine: 'q35', secureBoot: false });
}
