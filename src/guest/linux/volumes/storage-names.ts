import type { Fix, GuestDraft } from '../../change.ts';
import { rootDevice, type Guest } from '../../guest.ts';
import { optionDevices } from '../../config/option-devices.ts';
import { placeById } from '../../inspect/disks/disk-names.ts';
import { findDevice, isUnstableName } from '../../inspect/disks/find-device.ts';
import { renameInTable, type Renamed } from './fstab-names.ts';
import { newName, stablePath } from './stable-name.ts';

const NAME = 'storage-names';
const FSTAB = '/etc/fstab';
const CRYPTTAB = '/etc/crypttab';
/** Paths without which an operating system does not start. */
const SYSTEM_PATH = /^\/(usr|var|etc|opt|lib\w*|s?bin|boot)?$/;

/** Lines `RESUME=/dev/sda5`, which initramfs-tools copies into each initramfs. */
const RESUME_FILE = '/etc/initramfs-tools/conf.d/resume';

/**
 * Replaces hardware-dependent names in fstab, crypttab and the initramfs configuration with the UUID or PARTUUID of
 * the device that they refer to.
 */
export const storageNames: Fix = {
  name: NAME,
  async plan(guest, draft) {
    await planFstab(guest, draft);
    await planCrypttab(guest, draft);
    await planResume(guest, draft);
    warnOfRules(guest, draft);
  },
};

async function planFstab(guest: Guest, draft: GuestDraft): Promise<void> {
  const before = await draft.read(FSTAB);
  if (before === undefined) return;
  const root = rootDevice(guest);
  const lost = new Set<string>();
  const { text, renamed } = renameInTable(before, 0, (fields) => {
    const [spec = '', path, type = '', options = ''] = fields;
    const found = newName(spec, guest, { type, root: path === '/' ? root : undefined });
    if (found === 'stays') return undefined;
    if (found !== 'unknown') return found.name;
    // An entry for a CD-ROM that is no longer present can be ignored.
    if (['iso9660', 'udf', 'udf,iso9660'].includes(type)) return undefined;
    const sentence = `${FSTAB} names ${spec}, which ${reasonNotFound(spec, guest)}`;
    if (/\b(nofail|noauto)\b/.test(options)) draft.warn(`${sentence}: the line stays as it is.`);
    else if (SYSTEM_PATH.test(path ?? '')) draft.obstruct(`${sentence}: the line stays as it is.`);
    else {
      draft.warn(`${sentence}: the line gets nofail, so that the guest starts without it.`);
      lost.add(fields.join(' '));
    }
    return undefined;
  });
  const optional = renameInTable(text, 3, (fields) =>
    lost.has(fields.join(' ')) ? `${fields[3] === 'defaults' ? '' : `${fields[3]},`}nofail` : undefined,
  );
  const second = renameInTable(optional.text, 3, ([, path = '', , options = '']) =>
    renameInOptions(options, guest, (option) =>
      draft.warn(`${FSTAB} mounts ${path} with ${option}, which is not a device of this VM.`),
    ),
  );
  const changed = [...optional.renamed, ...second.renamed];
  const details = [...renamed, ...changed.map(({ from, to }) => ({ from: `options ${from}`, to }))];
  await draft.write(NAME, FSTAB, second.text, details.map(shown));
}

/**
 * Options take a path, not `UUID=`. All devices of a btrfs file system have its UUID, and udev finds them before the
 * mount, so that an option for one of them is not needed.
 */
function renameInOptions(options: string, guest: Guest, onUnknown: (option: string) => void): string | undefined {
  const found = optionDevices(options.split(',')).filter(({ spec }) => isUnstableName(spec, guest));
  const kept = options.split(',').flatMap((option) => {
    const named = found.find((each) => each.option === option);
    if (named === undefined) return [option];
    const { key, spec } = named;
    const device = findDevice(spec, guest);
    if (device === undefined) onUnknown(option);
    else if (key === 'device') return [];
    const path = device && stablePath(device, guest.devices);
    return path === undefined ? [option] : [`${key}=${path}`];
  });
  return kept.join(',') || 'defaults';
}

/** Why no device was found: it is not one of the VM's disks, or the source does not record the disks' ids. */
function reasonNotFound(spec: string, { disks, aliases }: Guest): string {
  const isById = placeById(spec, { disks, aliases }) !== undefined;
  if (isById && disks.some(({ uuid }) => uuid === undefined)) {
    return 'is the id of a disk on VMware, and the source does not specify which disk has it';
  }
  return 'is not a device of this VM';
}

async function planCrypttab(guest: Guest, draft: GuestDraft): Promise<void> {
  const before = await draft.read(CRYPTTAB);
  if (before === undefined) return;
  const { text, renamed } = renameInTable(before, 1, ([, spec = '']) => renamedSpec(spec, guest, draft, CRYPTTAB));
  await draft.write(NAME, CRYPTTAB, text, renamed.map(shown));
}

function renamedSpec(spec: string, guest: Guest, draft: GuestDraft, path: string, type = ''): string | undefined {
  const found = newName(spec, guest, { type });
  if (found === 'stays') return undefined;
  if (found !== 'unknown') return found.name;
  draft.warn(`${path} names ${spec}, which ${reasonNotFound(spec, guest)}: the line stays as it is.`);
  return undefined;
}

/**
 * udev rules that match a disk by its VMware id match no disk on KVM. Their names in fstab and crypttab are renamed,
 * and the rest is reported.
 */
function warnOfRules({ aliases = [] }: Guest, draft: GuestDraft): void {
  for (const [file, names] of Map.groupBy(aliases, (alias) => alias.file)) {
    if (file === undefined) continue;
    const links = [...new Set(names.map(({ name }) => name))].join(', ');
    draft.warn(`${file} makes ${links} by a disk's id on VMware, which no disk has on KVM: see what else uses it.`);
  }
}

async function planResume(guest: Guest, draft: GuestDraft): Promise<void> {
  const before = await draft.read(RESUME_FILE);
  if (before === undefined) return;
  const renamed: Renamed[] = [];
  const text = before.replace(/^(RESUME=)(\/dev\/\S+)/gm, (line, key: string, from: string) => {
    const to = renamedSpec(from, guest, draft, RESUME_FILE, 'swap');
    if (to === undefined) return line;
    renamed.push({ from, to });
    return key + to;
  });
  await draft.write(NAME, RESUME_FILE, text, renamed.map(shown));
}

function shown({ from, to }: Renamed): string {
  return `${from} → ${to}`;
}
