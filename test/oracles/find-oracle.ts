import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that are not this project's own, which its output is held against. See README.md. */
export const ORACLES = [
  'qemu-img',
  'qemu-system-x86_64',
  'qemu-nbd',
  'nbdcopy',
  '7zz',
  'libqcow',
  'libvmdk',
  'vmdkstream',
  'qemu-system-x86_64',
  'govc',
  'vcsim',
  'kubevirt-vm',
  'pyvmomi',
  'hyperctl-runner',
  'virt-xml-validate',
  'virsh',
  'tar',
  'python3',
  'guestfish',
  'virt-v2v-in-place',
  'hivexregedit',
  'bwrap',
  'dpkg-deb',
  'systemd-analyze',
  'kubernetes-validate',
  'shellcheck',
  'parallel',
  'bash',
  'zsh',
  'fish',
  'mandoc',
  'man',
  'rpm',
  'lintian',
] as const;
export type OracleName = (typeof ORACLES)[number];

/** Oracles that are Python modules, and what to import. */
const PYTHON_MODULES: Partial<Record<OracleName, string>> = {
  pyvmomi: 'pyVmomi',
  'hyperctl-runner': 'hyper2kvm.vmware.transports.hyperctl_common',
  'kubernetes-validate': 'kubernetes_validate',
  libqcow: 'pyqcow',
  libvmdk: 'pyvmdk',
  vmdkstream: 'VMDKstream',
};

/**
 * Where an oracle is: in the folder that `ORACLES_DIR` names, or on the PATH; undefined when it is not installed.
 * For a Python module this is a Python that can import it.
 */
export function findOracle(name: OracleName): string | undefined {
  if (!known.has(name)) known.set(name, find(name));
  return known.get(name);
}

const known = new Map<OracleName, string | undefined>();

function find(name: OracleName): string | undefined {
  const module = PYTHON_MODULES[name];
  return module === undefined ? findPrograms(name)[0] : findPythonWith(module);
}

/** Every place of a program, the best first. */
function findPrograms(...names: string[]): string[] {
  const own = process.env['ORACLES_DIR'];
  const folders = [
    ...(own === undefined ? [] : [own, join(own, 'bin'), join(own, 'python', 'bin')]),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).filter(isExecutable);
}

function findPythonWith(module: string): string | undefined {
  return findPrograms('python3', 'python').find(
    (python) => spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore', timeout: 120_000 }).status === 0,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
