import { deviceOf } from '../guest.ts';
import { readKernelWords } from './network/kernel-words.ts';
import type { BootCheck, BootCheckReader, BootSubject } from './boot-check.ts';

const CONFIG = '/etc/selinux/config';
/** The guest labels all its files at its next start, and then starts again. */
const RELABEL_REQUEST = '/.autorelabel';

/** Files that udev, systemd and the network programs read at each start. */
const READ_AT_START: readonly { folder: string; names: RegExp }[] = [
  { folder: '/etc', names: /^(fstab|crypttab|mdadm\.conf|multipath\.conf|passwd|shadow|ld\.so\.cache)$/ },
  { folder: '/etc/lvm', names: /^lvm(local)?\.conf$/ },
  { folder: '/etc/lvm/devices', names: /\.devices$/ },
  { folder: '/etc/mdadm', names: /^mdadm\.conf$/ },
  { folder: '/etc/modprobe.d', names: /\.conf$/ },
  { folder: '/etc/modules-load.d', names: /\.conf$/ },
  { folder: '/etc/multipath', names: /^(bindings|wwids)$/ },
  { folder: '/etc/netplan', names: /\.yaml$/ },
  { folder: '/etc/network', names: /^interfaces$/ },
  { folder: '/etc/network/interfaces.d', names: /^[\w.-]+$/ },
  { folder: '/etc/NetworkManager/system-connections', names: /^(?!.*~$)/ },
  { folder: '/etc/sysconfig/network', names: /^ifcfg-/ },
  { folder: '/etc/sysconfig/network-scripts', names: /^ifcfg-/ },
  { folder: '/etc/systemd/network', names: /\.(link|network|netdev)$/ },
  { folder: '/etc/udev/rules.d', names: /\.rules$/ },
];
const MODULE_LISTS = /^modules\.(dep|alias|softdep)(\.bin)?$/;

/** No guest has more such files. */
const MOST_FILES = 500;

/** File systems that store labels as extended attributes. */
const WITH_LABELS = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs']);
/** What the kernel and older policies call a file without a valid label. */
const NO_LABEL = new Set(['unlabeled_t', 'file_t']);

/**
 * Whether the files that an SELinux guest in enforcing mode reads at its start have labels. Programs such as udev may
 * not read a file without a label: NICs then keep their new names. A guest without any label has never started with
 * SELinux, so that nothing is checked.
 */
export const checkLabels: BootCheckReader = async (subject) => {
  const { files, readLabel } = subject;
  const config = (await files.read(CONFIG)) ?? '';
  if (readLabel === undefined || !/^\s*SELINUX=enforcing\s*$/m.test(config)) return [];
  const words = await readKernelWords(subject);
  if (words.includes('selinux=0') || words.includes('enforcing=0')) return [];
  const unlabeled = await unlabeledFiles(subject, readLabel);
  if (unlabeled === undefined) return [];
  if (unlabeled.length === 0) {
    return [check('ready', CONFIG, 'All files that the guest reads when it starts have SELinux labels.')];
  }
  if (await files.isFile(RELABEL_REQUEST)) {
    return [check('ready', RELABEL_REQUEST, 'The guest labels its files for SELinux when it first starts.')];
  }
  return unlabeled.map((path) =>
    check('not-ready', path, `It has no SELinux label, and ${CONFIG} enforces SELinux: programs may not read it.`),
  );
};

type LabeledSubject = Pick<BootSubject, 'files' | 'kernels' | 'mounts' | 'devices'>;

/** The files without a label that the boot reads; undefined if none of them has one. */
export async function unlabeledFiles(
  subject: LabeledSubject,
  readLabel: NonNullable<BootSubject['readLabel']>,
): Promise<string[] | undefined> {
  const paths = (await filesReadAtStart(subject)).slice(0, MOST_FILES);
  const unlabeled: string[] = [];
  for (const path of paths) if (!isLabel(await readLabel(path))) unlabeled.push(path);
  return unlabeled.length === paths.length ? undefined : unlabeled;
}

async function filesReadAtStart(subject: LabeledSubject): Promise<string[]> {
  const { files, kernels } = subject;
  const lists = kernels.map(({ version }) => ({ folder: `/lib/modules/${version}`, names: MODULE_LISTS }));
  const paths: string[] = [];
  for (const { folder, names } of [...READ_AT_START, ...lists]) {
    for (const path of await files.find(folder, names)) {
      if (storesLabels(path, subject) && (await files.isFile(path))) paths.push(path);
    }
  }
  return paths;
}

/** Whether the file system of a path stores labels: the one with the longest mount point above it. */
export function storesLabels(path: string, { mounts, devices }: Pick<BootSubject, 'mounts' | 'devices'>): boolean {
  const mount = mounts.findLast((each) => path.startsWith(each.path === '/' ? '/' : `${each.path}/`));
  const device = devices.find(({ name }) => name === deviceOf(mount?.mountable ?? ''));
  return device !== undefined && WITH_LABELS.has(device.type);
}

/** `system_u:object_r:etc_t:s0`, without the last part if the policy has no levels. */
function isLabel(label: string | undefined): boolean {
  const [user, role, type] = label?.split(':') ?? [];
  return [user, role, type].every((part) => part !== undefined && part !== '') && !NO_LABEL.has(type ?? '');
}

function check(verdict: BootCheck['verdict'], file: string, reason: string): BootCheck {
  return { area: 'selinux', verdict, file, reason };
}
