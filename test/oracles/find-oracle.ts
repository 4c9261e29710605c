import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that are not this project's own, which its output is held against. See README.md. */
export const ORACLES = ['qemu-img', 'govc', 'vcsim', 'pyvmomi', 'virt-xml-validate', 'tar', 'python3'] as const;
export type OracleName = (typeof ORACLES)[number];

/**
 * Where an oracle is: in the folder that `ORACLES_DIR` names, or on the PATH; undefined when it is not installed.
 * For `pyvmomi` this is a Python that can import it.
 */
export function findOracle(name: OracleName): string | undefined {
  if (!known.has(name)) known.set(name, name === 'pyvmomi' ? findPython() : findPrograms(name)[0]);
  return known.get(name);
}

const known = new Map<OracleName, string | undefined>();

/** Every place of a program, the best first. */
function findPrograms(...names: string[]): string[] {
  const own = process.env['ORACLES_DIR'];
  const folders = [
    ...(own === undefined ? [] : [own, join(own, 'bin'), join(own, 'python', 'bin')]),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).filter(isExecutable);
}

function findPython(): string | undefined {
  return findPrograms('python3', 'python').find(
    (python) => spawnSync(python, ['-c', 'import pyVmomi'], { stdio: 'ignore', timeout: 20_000 }).status === 0,
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
