import { parseDevicesFile } from '../../config/lvm-devices-file.ts';
import { parseLvmConfig } from '../../config/lvm-config.ts';
import type { Fix, GuestDraft } from '../../change.ts';
import type { Guest } from '../../guest.ts';
import { admitInFilters } from './lvm-filters.ts';
import { admitInMdadmConf } from './mdadm-devices.ts';

const NAME = 'volumes';
const LVM_CONFIG = '/etc/lvm/lvm.conf';
const LVM_CONFIGS = [LVM_CONFIG, '/etc/lvm/lvmlocal.conf'];
const MDADM_CONFIGS = ['/etc/mdadm/mdadm.conf', '/etc/mdadm.conf'];
/**
 * Ids in LVM's devices file that are stored in a device's content. All others depend on the hardware, or are
 * hardware-dependent names.
 */
const STABLE_IDS = new Set(['md_uuid', 'crypt_uuid', 'lvmlv_uuid', 'loop_file']);

/**
 * Removes settings that limit LVM and mdadm to VMware's disks. Without them they find their members by content on any
 * hardware.
 */
export const volumes: Fix = {
  name: NAME,
  async plan(guest, draft) {
    await planDevicesFile(guest, draft);
    for (const path of LVM_CONFIGS) await planText(draft, path, (text) => admitInFilters(text, guest));
    for (const path of MDADM_CONFIGS) await planText(draft, path, (text) => admitInMdadmConf(text, guest));
  },
};

async function planText(
  draft: GuestDraft,
  path: string,
  change: (text: string) => { text: string; details: string[] },
): Promise<void> {
  const before = await draft.read(path);
  if (before === undefined) return;
  const { text, details } = change(before);
  await draft.write(NAME, path, text, details);
}

/**
 * Removes a devices file whose entries are ids of VMware's disks. Without the file, LVM uses every physical volume
 * that its filters accept (lvmdevices(8)), on any hardware. An entry by device name would not be sufficient: LVM
 * searches for a PVID only on devices without an id of their own (`search_for_devnames` in lvm.conf), and disks with
 * a serial number have one.
 */
async function planDevicesFile(guest: Guest, draft: GuestDraft): Promise<void> {
  const { useDevicesFile, devicesFile } = parseLvmConfig((await draft.read(LVM_CONFIG)) ?? '');
  const path = `/etc/lvm/devices/${devicesFile}`;
  const text = await draft.read(path);
  if (text === undefined || useDevicesFile === false) return;
  const { entries } = parseDevicesFile(text);
  const ofHardware = entries.filter(({ idType }) => !STABLE_IDS.has(idType));
  if (ofHardware.length === 0) return;
  const names = ofHardware.map(({ idType, idName }) => `${idType} ${idName}`).join(', ');
  await draft.remove(NAME, path, [
    `it admits VMware's disks only: ${names}`,
    'without it LVM uses all physical volumes; vgimportdevices -a in the guest makes a new one',
  ]);
  const listed = new Set(entries.map(({ pvId }) => pvId));
  for (const { name, type, uuid } of guest.devices) {
    if (type !== 'LVM2_member' || uuid === undefined || listed.has(uuid.replaceAll('-', ''))) continue;
    draft.warn(`${path} excluded the physical volume ${name} (${uuid}): LVM uses it now.`);
  }
}
