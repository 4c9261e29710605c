import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Hyper2kvmError } from '../../base/errors.ts';
import { findProgram } from '../find-program.ts';

export interface QemuPrograms {
  qemu: string;
  qemuImg: string;
  /** Has the kernel end QEMU when this process dies; undefined where there is none that can. */
  setpriv: string | undefined;
}

/** RHEL and its kin keep QEMU out of the PATH, under a name of its own. */
const QEMU_NAMES = ['qemu-system-x86_64', 'qemu-kvm'];
const RHEL_FOLDER = '/usr/libexec';

/** Finds what a boot test runs. Throws kind `host`, naming the packages, when a program is missing. */
export async function findQemu(env: NodeJS.ProcessEnv): Promise<QemuPrograms> {
  const qemu = findQemuSystem(env);
  if (qemu === undefined) {
    throw missing('qemu-system-x86_64', 'qemu-system-x86 on Debian and Ubuntu, qemu-kvm on RHEL and its kin');
  }
  const qemuImg = findProgram('qemu-img', env);
  if (qemuImg === undefined) throw missing('qemu-img', 'qemu-utils on Debian and Ubuntu, qemu-img on RHEL and its kin');
  const setpriv = findProgram('setpriv', env);
  return { qemu, qemuImg, setpriv: setpriv !== undefined && (await canTieLives(setpriv)) ? setpriv : undefined };
}

/** QEMU's own program, where there is one. */
export function findQemuSystem(env: NodeJS.ProcessEnv): string | undefined {
  const places = QEMU_NAMES.map((name) => findProgram(name, env, [RHEL_FOLDER]));
  return places.find((place) => place !== undefined);
}

function missing(program: string, packages: string): Hyper2kvmError {
  return new Hyper2kvmError('host', `${program} is not installed; a boot test needs it.`, {
    hint: `Install the package ${packages}.`,
  });
}

/** util-linux's setpriv can; that of BusyBox and old ones cannot. */
async function canTieLives(setpriv: string): Promise<boolean> {
  try {
    await promisify(execFile)(setpriv, ['--pdeathsig', 'KILL', '--', setpriv, '--version'], { timeout: 5000 });
    return true;
  } catch {
    return false;
  }
}
