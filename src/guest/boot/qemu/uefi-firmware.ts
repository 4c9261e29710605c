import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { exists } from '../../../base/files/exists.ts';
import type { FlashFormat, UefiFirmware } from './boot-machine.ts';

/**
 * In the order of QEMU's docs/interop/firmware.json: a file in the first folder replaces a file of the same name in
 * the second.
 */
const FOLDERS = ['/etc/qemu/firmware', '/usr/share/qemu/firmware'];

/** A VM's firmware requirements. */
export interface FirmwareNeeds {
  machine: 'q35' | 'pc';
  secureBoot: boolean;
}

/**
 * The flash images for a UEFI VM from the host's firmware descriptors (QEMU's docs/interop/firmware.json): the first
 * match, as libvirt selects it.
 * @throws kind `host` if there is none.
 */
export async function findUefiFirmware(needs: FirmwareNeeds, folders = FOLDERS): Promise<UefiFirmware> {
  const fitting = (await descriptors(folders)).map((text) => fitOf(text, needs)).filter((fit) => fit !== undefined);
  // Without secure boot, prefer an image that does not need system management mode: less can fail.
  const ordered = needs.secureBoot ? fitting : fitting.toSorted((a, b) => Number(a.needsSmm) - Number(b.needsSmm));
  for (const firmware of ordered) if (await isThere(firmware)) return firmware;
  throw new Hyper2kvmError(
    'host',
    `There is no UEFI firmware ${needs.secureBoot ? 'with secure boot ' : ''}for QEMU on this host.`,
    { hint: 'Install the package ovmf on Debian and Ubuntu, edk2-ovmf on RHEL and Fedora.' },
  );
}

/** The texts of all descriptors, sorted by file name. */
async function descriptors(folders: readonly string[]): Promise<string[]> {
  const paths = new Map<string, string>();
  for (const folder of folders.toReversed()) {
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names) if (name.endsWith('.json')) paths.set(name, join(folder, name));
  }
  const ordered = [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Promise.all(ordered.map(([, path]) => readFile(path, 'utf8').catch(() => '')));
}

/**
 * The firmware in a descriptor if it meets the requirements. Undefined for another kind of firmware, and for an empty
 * file that masks another one.
 */
function fitOf(text: string, { machine, secureBoot }: FirmwareNeeds): UefiFirmware | undefined {
  const descriptor = parsed(text);
  const mapping = field(descriptor, 'mapping');
  const features = texts(field(descriptor, 'features'));
  const mode = field(mapping, 'mode') ?? 'split';
  const code = flashFile(field(mapping, 'executable'));
  const vars = flashFile(field(mapping, 'nvram-template'));
  const isPair = texts(field(descriptor, 'interface-types')).includes('uefi') && mode === 'split';
  if (!isPair || code === undefined || vars === undefined || !isForMachine(descriptor, machine)) return undefined;
  // Enrolled keys reject an unsigned boot loader, so they are used if and only if secure boot is requested.
  if (features.includes('enrolled-keys') !== secureBoot) return undefined;
  if (secureBoot && !features.includes('secure-boot')) return undefined;
  const needsSmm = features.includes('requires-smm');
  if (needsSmm && machine === 'pc') return undefined;
  return {
    kind: 'uefi',
    codePath: code.path,
    codeFormat: code.format,
    varsPath: vars.path,
    varsFormat: vars.format,
    needsSmm,
  };
}

/** Targets name machine types by patterns such as `pc-q35-*`, which every version of the type matches. */
function isForMachine(descriptor: unknown, machine: 'q35' | 'pc'): boolean {
  const prefix = machine === 'q35' ? 'pc-q35-' : 'pc-i440fx-';
  return list(field(descriptor, 'targets')).some(
    (target) =>
      field(target, 'architecture') === 'x86_64' &&
      texts(field(target, 'machines')).some((name) => name === '*' || name.startsWith(prefix)),
  );
}

function flashFile(value: unknown): { path: string; format: FlashFormat } | undefined {
  const path = field(value, 'filename');
  const format = field(value, 'format') ?? 'raw';
  if (typeof path !== 'string' || (format !== 'raw' && format !== 'qcow2')) return undefined;
  return { path, format };
}

async function isThere({ codePath, varsPath }: UefiFirmware): Promise<boolean> {
  return (await exists(codePath)) && (await exists(varsPath));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): string[] {
  return list(value).filter((text) => typeof text === 'string');
}
