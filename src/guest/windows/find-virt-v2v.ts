import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from '../../base/process/find-program.ts';
import { MissingVirtV2vError } from './virt-v2v-errors.ts';

/** Fedora and its derivatives install it outside the PATH. */
const OTHER_FOLDERS = ['/usr/libexec', '/usr/local/libexec'];

/** Either one runs scripts at the first start of Windows (virt-v2v(1), VIRT_TOOLS_DATA_DIR). */
const SCRIPT_SERVICES = ['rhsrvany.exe', 'pvvxsvc.exe'];

/** Finds only the program, without its further requirements. */
export function findVirtV2vInPlace(env: NodeJS.ProcessEnv): string | undefined {
  return findProgram('virt-v2v-in-place', env, OTHER_FOLDERS);
}

/**
 * The path of virt-v2v-in-place.
 * @throws kind `host`, naming what to install, if the program or a file that it puts into every Windows is missing.
 */
export function findVirtV2v(env: NodeJS.ProcessEnv): string {
  const program = findVirtV2vInPlace(env);
  if (program === undefined) {
    throw new MissingVirtV2vError(
      'virt-v2v-in-place, which installs the drivers of --virtio-win in Windows, is not installed on this host.',
      'Install the package virt-v2v (Debian, Ubuntu, Fedora, RHEL, openSUSE).',
    );
  }
  const folder = env['VIRT_TOOLS_DATA_DIR'] ?? join(dirname(program), '..', 'share', 'virt-tools');
  if (SCRIPT_SERVICES.some((name) => existsSync(join(folder, name)))) return program;
  throw new MissingVirtV2vError(
    `There is no rhsrvany.exe in ${folder}, which virt-v2v-in-place installs in Windows.`,
    'Copy it there, or set VIRT_TOOLS_DATA_DIR to its folder. Fedora and RHEL install it with virt-v2v, from mingw-srvany-redistributable or mingw32-srvany; Debian and Ubuntu have no package of it.',
  );
}
