import { posix } from 'node:path';
import { deviceOf } from '../../guest.ts';
import { optionDevices } from '../../config/option-devices.ts';
import { readIni } from '../../inspect/ini.ts';
import { optionValue, readFstab } from '../../inspect/disks/fstab.ts';
import type { BootSubject } from '../boot-check.ts';
import type { DeviceNames } from '../resolve-device.ts';
import { checkOf, judgeDevice, type Judged } from './wanted-device.ts';

/** A line of fstab, or an equivalent systemd unit. */
interface Entry {
  spec: string;
  /** `none` for swap. */
  path: string;
  type: string;
  options: readonly string[];
  file: string;
  line?: number | undefined;
}

const UNITS = '/etc/systemd/system';
/** Virtual file systems of the kernel, which need no device. */
const WITHOUT_DEVICE =
  /^(proc|sysfs|tmpfs|ramfs|dev(pts|tmpfs)|cgroup2?|debugfs|tracefs|securityfs|bpf|hugetlbfs|mqueue|configfs|fusectl|binfmt_misc|pstore|efivarfs|selinuxfs|rpc_pipefs|nfsd|usbfs|usbdevfs|overlay|aufs|autofs|fuse\.lxcfs)$/;
const NETWORK =
  /^(nfs4?|cifs|smb[23]?|smbfs|ncpfs|afs|ceph|fuse\.ceph|glusterfs|fuse\.glusterfs|(fuse\.)?sshfs|davfs2?|(fuse\.)?s3fs|lustre|gfs2|ocfs2|beegfs)$/;

/**
 * Checks everything that fstab and systemd units mount or use as swap when the guest starts, and the device of each.
 */
export async function judgeFileSystems(subject: BootSubject, names: DeviceNames): Promise<Judged[]> {
  const { files } = subject;
  const masked = await maskedUnits(subject);
  const lines: Entry[] = readFstab((await files.read('/etc/fstab')) ?? '').map((entry) => ({
    ...entry,
    file: '/etc/fstab',
  }));
  const entries = [...lines.filter((entry) => !masked.has(unitName(entry))), ...(await enabledUnits(subject))];
  const judged: Judged[] = [];
  for (const entry of entries) {
    if (entry.options.includes('noauto')) continue;
    const result = await judgeEntry(entry, subject, names);
    if (result) judged.push(result, ...judgeOptions(entry, names));
  }
  return judged;
}

/** The devices in mount options, without which the mount fails. */
function judgeOptions({ path, options, file, line }: Entry, names: DeviceNames): Judged[] {
  const isAdvisory = options.includes('nofail') || undefined;
  return optionDevices(options).map(({ option, spec }) => {
    const purpose = `the option ${option} of ${path}`;
    return judgeDevice({ spec, type: '', purpose, file, line, isAdvisory }, names);
  });
}

async function judgeEntry(entry: Entry, subject: BootSubject, names: DeviceNames): Promise<Judged | undefined> {
  const { spec, path, type, options, file, line } = entry;
  const purpose = type === 'swap' ? 'swap space' : path;
  const wanted = {
    spec,
    type: type === 'none' ? '' : type,
    purpose,
    file,
    line,
    isAdvisory: options.includes('nofail') || undefined,
  };
  const result = (verdict: 'ready' | 'not-ready' | 'unknown', reason: string): Judged => ({
    check: checkOf(wanted, verdict, reason),
    device: undefined,
  });
  if (isSharedFolder(spec, type))
    return result('not-ready', `${path} is a shared folder of VMware (${spec}), which does not exist on KVM.`);
  if (WITHOUT_DEVICE.test(type) || options.some((option) => /^r?bind$/.test(option))) return undefined;
  if (NETWORK.test(type) || type.startsWith('nfs'))
    return result('ready', `${path} is on the network (${spec}), as before.`);
  if (/^(9p|virtiofs)$/.test(type))
    return result('unknown', `${path} is a folder of the host (${spec}), which the domain may not have.`);
  if (type === 'zfs') return result('unknown', `${path} is on ZFS, which is not read.`);
  const isDevice = /^(UUID|LABEL|PARTUUID|PARTLABEL|ID)=|^\/dev\//.test(spec);
  if (/^fuse(\.|$)/.test(type) && !isDevice)
    return result('ready', `${path} is made by a program (${type}) of ${spec}.`);
  if (isDevice) return checkIdentity(entry, judgeDevice(wanted, names), subject);
  return result(...(await judgeFile(spec, purpose, subject)));
}

/** For `fuse` the device name contains the program: `vmhgfs-fuse#.host:/`. */
function isSharedFolder(spec: string, type: string): boolean {
  return /vmhgfs/.test(type) || spec.startsWith('.host:') || spec.startsWith('vmhgfs');
}

/** A swap file, or an image for a loop device. */
async function judgeFile(
  path: string,
  purpose: string,
  { files }: BootSubject,
): Promise<['ready' | 'not-ready' | 'unknown', string]> {
  if (!path.startsWith('/')) return ['unknown', `${purpose} is on ${path}, which is not the name of a device.`];
  if ((await files.isFile(path)) || (await files.isFolder(path)))
    return ['ready', `${purpose} is on the file ${path}.`];
  const others = readFstab((await files.read('/etc/fstab')) ?? '').filter(
    (each) => each.path !== '/' && path.startsWith(`${each.path}/`),
  );
  return others.length > 0
    ? ['unknown', `${purpose} is on the file ${path}, in a file system that was not read.`]
    : ['not-ready', `${purpose} is on the file ${path}, which does not exist.`];
}

/** A name that depends on the hardware may refer to a device of the right type that is not the one mounted there. */
function checkIdentity({ path, spec, file, line, options }: Entry, judged: Judged, { mounts }: BootSubject): Judged {
  const mounted = mounts.find((mount) => mount.path === path);
  if (judged.check.verdict !== 'ready' || mounted === undefined || judged.device === undefined) return judged;
  const device = deviceOf(mounted.mountable);
  const subvolume = optionValue(options, 'subvol') ?? '';
  if (device === judged.device.name || (subvolume !== '' && judged.device.type === 'btrfs')) return judged;
  const reason = `${path} is on ${spec}, which leads to ${judged.device.name}, but it was on ${device}.`;
  return { check: checkOf({ file, line }, 'not-ready', reason), device: judged.device };
}

/** Enabled units in `/etc`. The distribution's own units mount no disk. */
async function enabledUnits({ files }: BootSubject): Promise<Entry[]> {
  const enabled = new Set<string>();
  for (const folder of await files.find(UNITS, /\.(wants|requires)$/)) {
    for (const name of await files.list(folder)) enabled.add(name);
  }
  const entries: Entry[] = [];
  for (const file of await files.find(UNITS, /\.(mount|swap)$/)) {
    const text = await files.read(file);
    if (text === undefined || !enabled.has(posix.basename(file))) continue;
    const sections = readIni(text).filter(({ name }) => name === 'Mount' || name === 'Swap');
    const value = (key: string): string | undefined =>
      sections.findLast(({ values }) => values.has(key))?.values.get(key);
    const isSwap = file.endsWith('.swap');
    entries.push({
      spec: (value('What') ?? '').replaceAll(String.raw`\x20`, String.raw`\040`),
      path: isSwap ? 'none' : (value('Where') ?? ''),
      type: isSwap ? 'swap' : (value('Type') ?? 'auto'),
      options: (value('Options') ?? '').split(','),
      file,
      line: text.split('\n').findIndex((each) => /^\s*What\s*=/.test(each)) + 1 || undefined,
    });
  }
  return entries.filter(({ spec }) => spec !== '');
}

/** A link to `/dev/null` in `/etc` masks the unit that systemd generates from a line of fstab. */
async function maskedUnits({ files }: BootSubject): Promise<ReadonlySet<string>> {
  const masked = new Set<string>();
  for (const path of await files.find(UNITS, /\.(mount|swap)$/)) {
    if ((await files.linkTarget(path)) === '/dev/null') masked.add(posix.basename(path));
  }
  return masked;
}

/** systemd.unit(5): `/srv/my-data` is `srv-my\x2ddata.mount`. */
function unitName({ path, type, spec }: Entry): string {
  const where = type === 'swap' ? spec : path;
  const plain = where.replaceAll(/\/+/g, '/').replaceAll(/^\/|\/$/g, '');
  const escaped = plain.replaceAll(/[^\w:.]/g, (each) =>
    each === '/' ? '-' : `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `${escaped || '-'}.${type === 'swap' ? 'swap' : 'mount'}`;
}
