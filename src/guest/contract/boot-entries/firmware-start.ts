import { posix } from 'node:path';
import { hasBootSignature } from '../../../base/disk/boot-sector.ts';
import type { BootSubject, CheckVerdict } from '../boot-check.ts';
import type { BootLoader } from './boot-entry.ts';
import { findEspMount, findIgnoringCase } from './loaders/loader-path.ts';
import { efiProgram, parsePe, type EfiProgram, type PeImage } from './loaders/pe-image.ts';
import { MOST_UNIFIED_BYTES } from './loaders/unified-image.ts';

/** The program that the firmware of the VM starts. */
export interface FirmwareStart {
  /** Undefined if it is not known. */
  loader: BootLoader | undefined;
  findings: readonly { verdict: CheckVerdict; file: string; reason: string }[];
  /** With UEFI, the path of the EFI system partition in the guest, and of the program that is started. */
  esp?: string | undefined;
  program?: string | undefined;
}

type Finding = FirmwareStart['findings'][number];

/**
 * A new VM has no UEFI variables that name a loader. Firmware then starts this one (UEFI specification, "Removable
 * Media Boot Behavior").
 */
const FALLBACK = 'EFI/BOOT/BOOTX64.EFI';
/** The program that a shim starts, in its own folder. */
const SECOND_STAGE = 'grubx64.efi';
/**
 * A program next to the fallback loader. A shim starts it first there, and it starts the loaders that the lists in
 * other folders name.
 */
const FALLBACK_STARTER = 'fbx64.efi';

const SECTOR_BYTES = 512;
const BOOT_CODE_BYTES = 440;

/** Whether the firmware finds a program to start, and which one. */
export async function readFirmwareStart(subject: BootSubject): Promise<FirmwareStart> {
  const { firmware } = subject.hardware;
  const mount = firmware === 'bios' ? undefined : await findEspMount(subject);
  if (mount) return await readUefiStart(mount.path, subject);
  if (firmware === 'bios') return await readBiosStart(subject);
  if (firmware === undefined) return { loader: undefined, findings: [] };
  const hasFat = subject.devices.some(({ type }) => type === 'vfat');
  const reason = hasFat ? 'The EFI system partition is not mounted.' : 'There is no EFI system partition.';
  return { loader: undefined, findings: [{ verdict: hasFat ? 'unknown' : 'not-ready', file: '/boot/efi', reason }] };
}

async function readUefiStart(esp: string, subject: BootSubject): Promise<FirmwareStart> {
  const { files } = subject;
  const path = posix.join(esp, FALLBACK);
  const found = await findIgnoringCase(esp, FALLBACK, files);
  const bytes = found === undefined ? undefined : await files.readBytes(found, MOST_UNIFIED_BYTES);
  if (found === undefined || bytes === undefined) {
    const reason = `There is no ${path}, which the firmware of a VM without UEFI variables starts.`;
    return { loader: undefined, esp, findings: [{ verdict: 'not-ready', file: path, reason }] };
  }
  const image = parsePe(bytes);
  if (!image) {
    return {
      loader: undefined,
      esp,
      findings: [{ verdict: 'not-ready', file: path, reason: `${path} is not a program for UEFI.` }],
    };
  }
  const program = efiProgram(bytes, image);
  const findings: Finding[] = [{ verdict: 'ready', file: found, reason: `The firmware starts ${found} (${program}).` }];
  const signature = checkSignature(found, image, program, subject);
  if (signature) findings.push(signature);
  if (program !== 'shim') return { loader: loaderOf(program), esp, program: found, findings };
  const second = await readSecondStage(found, esp, subject);
  return { loader: second.loader, esp, program: found, findings: [...findings, ...second.findings] };
}

function loaderOf(program: EfiProgram): BootLoader | undefined {
  return program === 'shim' || program === 'other' ? undefined : program;
}

/** With secure boot the firmware trusts Microsoft's signatures, which only a shim has. */
function checkSignature(
  file: string,
  { isSigned }: PeImage,
  program: EfiProgram,
  { hardware }: BootSubject,
): Finding | undefined {
  if (!hardware.secureBoot) return undefined;
  if (!isSigned) return { verdict: 'not-ready', file, reason: `${file} has no signature, which secure boot needs.` };
  if (program === 'shim') return { verdict: 'ready', file, reason: `${file} is a signed shim.` };
  return {
    verdict: 'unknown',
    file,
    reason: `${file} is signed, but is not a shim: whether the firmware trusts its signer is unknown.`,
  };
}

async function readSecondStage(
  shim: string,
  esp: string,
  subject: BootSubject,
): Promise<Pick<FirmwareStart, 'loader' | 'findings'>> {
  const { files, hardware } = subject;
  const folder = posix.dirname(shim);
  const starter = await findIgnoringCase(folder, FALLBACK_STARTER, files);
  const folders = starter === undefined ? [folder] : await listedFolders(esp, files);
  for (const each of folders.length > 0 ? folders : [folder]) {
    const path = await findIgnoringCase(each, SECOND_STAGE, files);
    const bytes = path === undefined ? undefined : await files.readBytes(path, MOST_UNIFIED_BYTES);
    const image = bytes && parsePe(bytes);
    if (path === undefined || !bytes || !image) continue;
    const loader = loaderOf(efiProgram(bytes, image)) ?? 'grub';
    if (hardware.secureBoot && !image.isSigned) {
      return {
        loader,
        findings: [{ verdict: 'not-ready', file: path, reason: `${path} has no signature, which secure boot needs.` }],
      };
    }
    return { loader, findings: [{ verdict: 'ready', file: path, reason: `The shim starts ${path}.` }] };
  }
  const reason = `The shim starts ${SECOND_STAGE} in its own folder, which does not exist.`;
  return { loader: undefined, findings: [{ verdict: 'not-ready', file: shim, reason }] };
}

/** The folders of the ESP with a list of boot entries, `BOOTX64.CSV`, whose loader exists. */
async function listedFolders(esp: string, files: BootSubject['files']): Promise<string[]> {
  const found: string[] = [];
  const efi = (await findIgnoringCase(esp, 'EFI', files)) ?? posix.join(esp, 'EFI');
  for (const folder of await files.find(efi, /^(?!boot$)/i)) {
    for (const list of await files.find(folder, /^boot(x64)?\.csv$/i)) {
      const text = (await files.readBytes(list, SECTOR_BYTES * 128))?.toString('utf16le').replace(/^\uFEFF/, '') ?? '';
      const loader = text.split(',')[0] ?? '';
      if (loader !== '' && (await findIgnoringCase(folder, loader, files)) !== undefined) found.push(folder);
    }
  }
  return found;
}

/** A BIOS starts the code in the first sector of the first disk. */
async function readBiosStart({ hardware, readDisk }: BootSubject): Promise<FirmwareStart> {
  const file = 'the first sector of the first disk';
  if (!readDisk) {
    return {
      loader: undefined,
      findings: [{ verdict: 'unknown', file, reason: 'Whether a disk has boot code is not known.' }],
    };
  }
  const sectors = await Promise.all(hardware.disks.map((_, disk) => readDisk(disk, 0, SECTOR_BYTES)));
  const [first] = sectors;
  if (first && hasBootCode(first)) {
    const isGrub = first.subarray(0, BOOT_CODE_BYTES).includes('GRUB');
    const reason = `The first disk has the boot code of ${isGrub ? 'GRUB' : 'a boot loader'}.`;
    return { loader: isGrub ? 'grub' : 'syslinux', findings: [{ verdict: 'ready', file, reason }] };
  }
  const other = sectors.findIndex(hasBootCode);
  const reason =
    other < 0
      ? 'No disk has boot code in its first sector.'
      : `Only disk ${other + 1} has boot code, and the firmware starts the first.`;
  return { loader: undefined, findings: [{ verdict: other < 0 ? 'not-ready' : 'unknown', file, reason }] };
}

function hasBootCode(sector: Buffer): boolean {
  return hasBootSignature(sector) && sector.subarray(0, BOOT_CODE_BYTES).some((byte) => byte !== 0);
}
