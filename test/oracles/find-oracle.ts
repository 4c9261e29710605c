import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface Oracle {
  /** The Python modules to import, for an oracle that is one or needs them. */
  module?: string;
  /** What else has to be installed for the program to work: packages do not always depend on it. */
  also?: readonly string[];
  /** Needs a kernel in /boot, of which the appliance of libguestfs is made. */
  kernel?: true;
  /** A device of the host, which no package brings. */
  device?: string;
  /** Arguments with which the program has to succeed: what it needs of the host may be forbidden. */
  proof?: readonly string[];
}

/** Programs that are not this project's own, which its output is compared with. See README.md. */
const KNOWN = {
  'qemu-img': {},
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
  // Debian's python3-minimal has neither.
  python3: { module: 'tarfile, pty' },
  guestfish: { also: ['qemu-system-x86_64'], kernel: true },
  'virt-v2v-in-place': { also: ['nbdkit', 'ntfs-3g', 'qemu-system-x86_64'], kernel: true },
  hivexregedit: {},
  'mkfs.btrfs': { also: ['btrfs', 'setpriv'] },
  // File systems that refuse names; both run without the kernel's help.
  mkntfs: { also: ['ntfs-3g', 'fusermount'], device: '/dev/fuse' },
  fusefat: { also: ['mkfs.vfat', 'fusermount'], device: '/dev/fuse' },
  bwrap: { proof: ['--unshare-all', '--ro-bind', '/', '/', 'true'] },
  'dpkg-deb': {},
  'systemd-analyze': {},
  'kubernetes-validate': { module: 'kubernetes_validate' },
  shellcheck: {},
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
} as const satisfies Record<string, Oracle>;

export type OracleName = keyof typeof KNOWN;
export const ORACLES = Object.keys(KNOWN) as OracleName[];

/** An oracle that is installed with all that it needs, or the parts of it that are missing: `isOfHost` when nothing can be installed for them. */
export type FoundOracle = { path: string } | { missing: readonly string[]; isOfHost?: true };

/**
 * Looks for an oracle in the folder that `ORACLES_DIR` names, and on the PATH. The path of a Python module is that of a
 * Python that can import it. The answer is kept: a process asks once for each oracle.
 */
export function lookForOracle(name: OracleName): FoundOracle {
  const found = answers.get(name) ?? look(name);
  answers.set(name, found);
  return found;
}

/** Where an oracle is; undefined when it, or something that it needs, is not installed. */
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

/** Every place of a program, the best first. */
function findPrograms(...names: string[]): string[] {
  const own = process.env['ORACLES_DIR'];
  const folders = [
    ...(own === undefined ? [] : [own, join(own, 'bin'), join(own, 'python', 'bin')]),
    ...(process.env['PATH'] ?? '').split(delimiter),
    // Not on the PATH of an unprivileged user, whose programs find these all the same.
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
