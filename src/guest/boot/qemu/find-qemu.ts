import { Hyper2kvmError } from '../../../base/errors.ts';
import { findProgram } from '../../../base/process/find-program.ts';
import { requireQemuImg } from './overlay.ts';

export interface QemuPrograms {
  qemu: string;
  qemuImg: string;
}

/** RHEL and its derivatives install QEMU outside the PATH, under a different name. */
const QEMU_NAMES = ['qemu-system-x86_64', 'qemu-kvm'];
const RHEL_FOLDER = '/usr/libexec';

/**
 * Finds the programs for a boot test.
 * @throws kind `host`, naming the packages, if a program is missing.
 */
export async function findQemu(env: NodeJS.ProcessEnv): Promise<QemuPrograms> {
  const qemu = findQemuSystem(env);
  if (qemu === undefined) {
    throw missing('qemu-system-x86_64', 'qemu-system-x86 on Debian and Ubuntu, qemu-kvm on RHEL and its derivatives');
  }
  return { qemu, qemuImg: requireQemuImg(env, 'a boot test') };
}

/** The path of the QEMU program; undefined if it is not installed. */
export function findQemuSystem(env: NodeJS.ProcessEnv): string | undefined {
  const places = QEMU_NAMES.map((name) => findProgram(name, env, [RHEL_FOLDER]));
  return places.find((place) => place !== undefined);
}

function missing(program: string, packages: string): Hyper2kvmError {
  return new Hyper2kvmError('host', `${program} is not installed; a boot test needs it.`, {
    hint: `Install the package ${packages}.`,
  });
}
