import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface Oracle {
  /** The Python modules to import, for an oracle that is a Python module or needs one. */
  module?: string;
  /** Other programs that must be installed, because packages do not always declare them as dependencies. */
  also?: readonly string[];
  /** Needs a kernel in /boot, from which libguestfs builds its appliance. */
  kernel?: true;
  /** A device of the host, which no package can provide. */
  device?: string;
  /** Arguments with which the program must succeed. The host may forbid what the program needs. */
  proof?: readonly string[];
}

/** External programs against which the output is compared. See README.md. */
const KNOWN = {
  'qemu-img': {},
  'qemu-io': {},
  'qemu-system-x86_64': {},
  'qemu-nbd': {},
  nbdcopy: {},
  '7zz': {},
  libqcow: { module: 'pyqcow' },
  libvmdk: { module: 'pyvmdk' },
  vmdkstream: { module: 'VMDKstream' },
  govc: {},
  vcsim: {},
  'kubevirt-vm': {},
  pyvmomi: { module: 'pyVmomi' },
  'hyperctl-runner': { module: 'hyper2kvm.vmware.transports.hyperctl_common' },
  'virt-xml-validate': { also: ['xmllint'] },
  virsh: {},
  tar: {},
  // Debian's python3-minimal includes neither module.
  python3: { module: 'tarfile, pty' },
  guestfish: { also: ['qemu-system-x86_64'], kernel: true },
  'virt-v2v-in-place': { also: ['nbdkit', 'ntfs-3g', 'qemu-system-x86_64'], kernel: true },
  'virt-customize': { also: ['qemu-system-x86_64'], kernel: true },
  hivexregedit: {},
  'mkfs.btrfs': { also: ['btrfs', 'setpriv'] },
  // File systems that reject some names. Both run in user space.
  mkntfs: { also: ['ntfs-3g', 'fusermount'], device: '/dev/fuse' },
  fusefat: { also: ['mkfs.vfat', 'fusermount'], device: '/dev/fuse' },
  bwrap: { proof: ['--unshare-all', '--ro-bind', '/', '/', 'true'] },
  'dpkg-deb': {},
  'systemd-analyze': {},
  'kubernetes-validate': { module: 'kubernetes_validate' },
  shellcheck: {},
  jq: {},
  cpio: {},
  gzip: {},
  bzip2: {},
  xz: {},
  zstd: {},
  lz4: {},
  lzop: {},
  parallel: {},
  bash: {},
  zsh: {},
  fish: {},
  mandoc: {},
  man: {},
  rpm: {},
  lintian: {},
  tmux: {},
} as const satisfies Record<string, Oracle>;

export type OracleName = keyof typeof KNOWN;
export const ORACLES = Object.keys(KNOWN) as OracleName[];

/**
 * The path of an oracle that is installed with all its requirements, or the missing requirements. `isOfHost` is set if
 * no package can provide what is missing.
 */
export type FoundOracle = { path: string } | { missing: readonly string[]; isOfHost?: true };

/**
 * Finds an oracle in the folder `ORACLES_DIR` and on the PATH. For a Python module, the path is that of a Python that
 * can import it. The result is cached, so a process looks for each oracle only once.
 */
export function lookForOracle(name: OracleName): FoundOracle {
  const found = answers.get(name) ?? look(name);
  answers.set(name, found);
  return found;
}

/** Returns the path of an oracle; undefined if the oracle or one of its requirements is not installed. */
export function findOracle(name: OracleName): string | undefined {
  const found = lookForOracle(name);
  return 'path' in found ? found.path : undefined;
}

const answers = new Map<OracleName, FoundOracle>();

function look(name: OracleName): FoundOracle {
  const { module, also = [], kernel, device, proof }: Oracle = KNOWN[name];
  const path = module === undefined ? findPrograms(name)[0] : findPythonWith(module);
  const missing = also.filter((program) => findPrograms(program).length === 0);
  if (kernel === true && !hasReadableKernel()) missing.push('a kernel in /boot');
  if (path === undefined) return { missing: [name] };
  if (proof !== undefined && !succeeds(path, proof)) missing.push('permission for namespaces');
  if (missing.length === 0 && device !== undefined && !isPermitted(device, 'W_OK'))
    return { missing: [device], isOfHost: true };
  return missing.length === 0 ? { path } : { missing: missing.map((part) => `${part} (for ${name})`) };
}

/** Returns all paths of a program, in order of preference. */
function findPrograms(...names: string[]): string[] {
  const own = process.env['ORACLES_DIR'];
  const folders = [
    ...(own === undefined ? [] : [own, join(own, 'bin'), join(own, 'python', 'bin')]),
    ...(process.env['PATH'] ?? '').split(delimiter),
    // Not on the PATH of an unprivileged user, whose programs still find programs there.
    '/usr/sbin',
    '/sbin',
  ];
  return folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .filter((path) => isPermitted(path, 'X_OK'));
}

function findPythonWith(module: string): string | undefined {
  return findPrograms('python3', 'python').find((python) => succeeds(python, ['-c', `import ${module}`]));
}

function succeeds(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 120_000 }).status === 0;
}

function hasReadableKernel(): boolean {
  const kernels = (existsSync('/boot') ? readdirSync('/boot') : []).filter((name) => name.startsWith('vmlinuz'));
  return kernels.some((name) => isPermitted(join('/boot', name), 'R_OK'));
}

function isPermitted(path: string, mode: 'R_OK' | 'W_OK' | 'X_OK'): boolean {
  try {
    accessSync(path, constants[mode]);
    return true;
  } catch {
    return false;
  }
}
