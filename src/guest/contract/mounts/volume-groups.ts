import type { BlockDevice } from '../../guest.ts';
import type { BootCheck, BootSubject, TargetHardware } from '../boot-check.ts';
import { filterAdmits, parseLvmConfig, type LvmConfig, type LvmFilter } from '../../config/lvm-config.ts';
import { parseDevicesFile, type LvmDevicesEntry, type LvmDevicesFile } from '../../config/lvm-devices-file.ts';
import type { DeviceNames } from '../resolve-device.ts';
import { guestPaths } from '../guest-paths.ts';
import { guestSerial, kernelName, scsiId } from '../target-names.ts';
import { checkOf } from './wanted-device.ts';

const LVM_CONF = '/etc/lvm/lvm.conf';
/** Its settings override those of `lvm.conf` (lvm.conf(5)). */
const LOCAL_CONF = '/etc/lvm/lvmlocal.conf';
const DEVICES_FOLDER = '/etc/lvm/devices';

/** Whether each volume group that the guest needs is complete, and LVM scans its devices. */
export async function checkVolumeGroups(
  groups: ReadonlySet<string>,
  subject: BootSubject,
  names: DeviceNames,
): Promise<BootCheck[]> {
  if (groups.size === 0) return [];
  const config = await readConfig(subject);
  const path = `${DEVICES_FOLDER}/${config.devicesFile}`;
  const text = usesDevicesFile(config, subject) ? await subject.files.read(path) : undefined;
  const devicesFile = text === undefined ? undefined : parseDevicesFile(text);
  return [...groups].flatMap((group) => {
    const volumes = names.devices.filter(({ volumeGroup }) => volumeGroup === group);
    const physical = volumes.filter(({ type }) => type === 'LVM2_member');
    // For an array, the missing members are the array's own.
    const counted = volumes.filter(({ arrayUuid }) => arrayUuid === undefined);
    const lacking = Math.max(0, ...counted.map(({ missingMembers = 0 }) => missingMembers));
    if (lacking > 0) {
      const reason = `The volume group ${group} is not complete: ${lacking} of its physical volumes are on none of the disks.`;
      return [checkOf({ file: LVM_CONF }, 'not-ready', reason)];
    }
    if (physical.length === 0) {
      return [checkOf({ file: LVM_CONF }, 'unknown', `On what the volume group ${group} is, could not be read.`)];
    }
    return physical.flatMap((device) =>
      // LVM ignores filters if there is a devices file.
      devicesFile === undefined
        ? checkFilters(group, device, config, names)
        : [checkDevicesFile(group, device, { path, file: devicesFile, config }, names)],
    );
  });
}

interface Config extends LvmConfig {
  /** The file that sets each filter. */
  filterFiles: { filter: string; globalFilter: string };
}

async function readConfig({ files }: BootSubject): Promise<Config> {
  const main = parseLvmConfig((await files.read(LVM_CONF)) ?? '');
  const local = parseLvmConfig((await files.read(LOCAL_CONF)) ?? '');
  return {
    ...main,
    filter: local.filter ?? main.filter,
    globalFilter: local.globalFilter ?? main.globalFilter,
    useDevicesFile: local.useDevicesFile ?? main.useDevicesFile,
    filterFiles: {
      filter: local.filter === undefined ? LVM_CONF : LOCAL_CONF,
      globalFilter: local.globalFilter === undefined ? LVM_CONF : LOCAL_CONF,
    },
  };
}

/**
 * The built-in default depends on the distribution: on in the Red Hat family since version 9 and in Fedora since 34;
 * off in others.
 */
function usesDevicesFile({ useDevicesFile }: LvmConfig, { system }: BootSubject): boolean {
  if (useDevicesFile !== undefined) return useDevicesFile;
  if (system.id === 'fedora') return Number.parseInt(system.version, 10) >= 34;
  const isRedHat = ['rhel', 'centos', 'ol'].some((id) => system.id === id || system.idLike.includes(id));
  return isRedHat && Number.parseInt(system.version, 10) >= 9;
}

function checkFilters(group: string, device: BlockDevice, config: Config, names: DeviceNames): BootCheck[] {
  const filters: [string, LvmFilter | undefined, string][] = [
    ['filter', config.filter, config.filterFiles.filter],
    ['global_filter', config.globalFilter, config.filterFiles.globalFilter],
  ];
  const paths = guestPaths(device, names);
  return filters.flatMap(([setting, filter, file]) => {
    if (filter === undefined) return [];
    const admits = filterAdmits(filter, paths);
    const what = `${paths[0] ?? device.name}, a physical volume of ${group}`;
    const at = { file, line: filter.line };
    if (admits === undefined)
      return [
        checkOf(at, 'unknown', `${setting} of LVM has a pattern that is not read, so that ${what}, cannot be judged.`),
      ];
    return admits
      ? [checkOf(at, 'ready', `${setting} of LVM admits ${what}.`)]
      : [checkOf(at, 'not-ready', `${setting} of LVM rejects ${what}.`)];
  });
}

interface ReadDevicesFile {
  path: string;
  file: LvmDevicesFile;
  config: LvmConfig;
}

/**
 * LVM finds a device by IDTYPE, IDNAME and PART. By PVID it searches only for entries of the type `devname`, and then
 * also on devices that the file does not list. LVM 2.03.23 and later does so once for all entries if PRODUCT_UUID
 * differs from the machine's, or is not in the file (`device_ids_search` in `lib/device/device_id.c`, and `pvscan`
 * for the activation by udev).
 */
function checkDevicesFile(
  group: string,
  device: BlockDevice,
  { path, file, config }: ReadDevicesFile,
  names: DeviceNames,
): BootCheck {
  const { hardware } = names;
  const pvId = device.uuid?.replaceAll('-', '');
  const what = `${kernelName(device, hardware) ?? device.name}, a physical volume of ${group}`;
  const matching = file.entries.find((entry) => identifies(entry, device, names));
  if (matching)
    return checkOf(
      { file: path, line: matching.line },
      'ready',
      `LVM's devices file has ${what}, by its ${matching.idType}.`,
    );
  const listed = file.entries.find((entry) => entry.pvId === pvId);
  if (listed === undefined) return checkOf({ file: path }, 'not-ready', `LVM's devices file does not have ${what}.`);
  const at = { file: path, line: listed.line };
  const entry = `${listed.idType} ${listed.idName}`;
  const isFoundByPvId = listed.idType === 'devname' || (config.refreshesDeviceIds && file.productUuid === undefined);
  if (isFoundByPvId && (listed.idType !== 'devname' || config.searchForDevnames !== 'none')) {
    return checkOf(at, 'ready', `LVM finds ${what}, by its PVID in the devices file.`);
  }
  const isJudged = isKnownId(listed, device, hardware) && !config.refreshesDeviceIds;
  const reason = `LVM's devices file names ${what}, as ${entry}, which no disk of the target ${isJudged ? 'has' : 'is known to have'}.`;
  return checkOf(at, isJudged ? 'not-ready' : 'unknown', reason);
}

/** True if the entry's id is that of the device on the target. */
function identifies({ idType, idName, partition }: LvmDevicesEntry, device: BlockDevice, names: DeviceNames): boolean {
  const { hardware } = names;
  const disk = device.disk === undefined ? undefined : hardware.disks[device.disk];
  if (idType === 'devname') return idName === (kernelName(device, hardware) ?? device.name);
  if (idType === 'md_uuid') return digitsOf(device.arrayUuid) === digitsOf(idName);
  if (idType === 'crypt_uuid') {
    // `CRYPT-LUKS2-UUID-NAME`, with the UUID without dashes.
    const [, uuid, name = ''] = /^CRYPT-\w+-([0-9a-f]{32})-(.+)$/.exec(idName) ?? [];
    const isThere = names.devices.some((each) => each.type === 'crypto_LUKS' && digitsOf(each.uuid) === uuid);
    return isThere && guestPaths(device, names).includes(`/dev/mapper/${name}`);
  }
  if (disk === undefined || partition !== device.partition) return false;
  if (idType === 'sys_serial') return disk.serial !== undefined && idName === guestSerial(disk);
  const id = scsiId(disk);
  return idType === 'sys_wwid' && id !== undefined && idName.replace(/_+/g, '_') === `t10.${id.slice(1)}`;
}

/** Whether the target's ids of this type are known, so that a different id is not one of its disks. */
function isKnownId({ idType, idName }: LvmDevicesEntry, device: BlockDevice, hardware: TargetHardware): boolean {
  if (/6000c29|vmware/i.test(idName) || idType === 'devname') return true;
  const disk = device.disk === undefined ? undefined : hardware.disks[device.disk];
  if (disk === undefined) return false;
  return (idType === 'sys_serial' || idType === 'sys_wwid') && (disk.names === 'vd' || disk.serial !== undefined);
}

function digitsOf(text: string | undefined): string {
  return (text ?? '').replace(/[^0-9a-f]/gi, '').toLowerCase();
}
