import { execFile } from 'node:child_process';
import { arch, platform, release } from 'node:os';
import { promisify } from 'node:util';
import { formatBytes } from '../../base/text/amounts.ts';
import { childEnvironment } from '../../base/process/child-environment.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { checkWritable, freeBytes } from '../../base/files/free-space.ts';
import { HostKvm } from '../../guest/boot/qemu/accelerator.ts';
import { findQemuSystem } from '../../guest/boot/qemu/find-qemu.ts';
import { findUefiFirmware } from '../../guest/boot/qemu/uefi-firmware.ts';
import { findProgram } from '../../base/process/find-program.ts';
import { MissingVirtCustomizeError } from '../../guest/customize/customize-errors.ts';
import { findVirtCustomize, unknownCommands } from '../../guest/customize/find-virt-customize.ts';
import { findVirtV2vInPlace } from '../../guest/windows/find-virt-v2v.ts';
import type { StatusFinding } from './types.ts';

interface Tool {
  name: string;
  use: string;
  find: (env: NodeJS.ProcessEnv) => string | undefined;
  /** The packages that contain it, by family of distributions. */
  packages: { debian: string; fedora: string };
}

/** Programs that commands call, and their purpose. An export into one of VMware's package formats needs none. */
const TOOLS: readonly Tool[] = [
  {
    name: 'guestfish',
    use: '--fix needs it',
    find: (env) => findProgram('guestfish', env),
    packages: { debian: 'libguestfs-tools', fedora: 'guestfs-tools' },
  },
  {
    name: 'qemu',
    use: 'boot-test needs it',
    find: findQemuSystem,
    packages: { debian: 'qemu-system-x86', fedora: 'qemu-kvm' },
  },
  {
    name: 'qemu-img',
    use: 'boot-test needs it',
    find: (env) => findProgram('qemu-img', env),
    packages: { debian: 'qemu-utils', fedora: 'qemu-img' },
  },
  {
    name: 'virt-v2v-in-place',
    use: '--virtio-win needs it',
    find: findVirtV2vInPlace,
    packages: { debian: 'virt-v2v', fedora: 'virt-v2v' },
  },
  {
    name: 'nbdkit',
    use: 'virt-v2v-in-place needs it',
    find: (env) => findProgram('nbdkit', env),
    packages: { debian: 'nbdkit', fedora: 'nbdkit' },
  },
  {
    name: 'virsh',
    use: '--define needs it',
    find: (env) => findProgram('virsh', env),
    packages: { debian: 'libvirt-clients', fedora: 'libvirt-client' },
  },
];
const FIRMWARE_PACKAGES = { debian: 'ovmf', fedora: 'edk2-ovmf' };

const TOOL_LIMIT_MS = 5000;

/** Checks the tools and resources of this host. `output` is the folder for exports. */
export async function inspectHost(
  {
    version,
    profile,
    output,
    env,
  }: { version: string; profile?: string | undefined; output: string; env: NodeJS.ProcessEnv },
  signal: AbortSignal,
): Promise<StatusFinding[]> {
  return [
    ok('version', `hyper2kvm ${version}`),
    ok('runtime', `Node.js ${process.versions.node} on ${platform()} ${release()} ${arch()}`),
    ...(profile === undefined ? [] : [ok('profile', profile)]),
    await inspectOutput(output),
    ...(await Promise.all(TOOLS.map((tool) => inspectTool(tool, env, signal)))),
    await inspectCustomize(env, signal),
    await inspectKvm(env, signal),
    await inspectFirmware(),
  ];
}

async function inspectTool(
  { name, use, find, packages }: Tool,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<StatusFinding> {
  const program = find(env);
  if (program === undefined) return missing(name, `not found; ${use}`, packages);
  return ok(name, await versionOf(program, env, signal));
}

/** Reports also which commands this version lacks: a newer one may have them. */
async function inspectCustomize(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<StatusFinding> {
  const check = 'virt-customize';
  try {
    const program = await findVirtCustomize(env, signal);
    const version = await versionOf(program.path, env, signal);
    const unknown = unknownCommands(program);
    return ok(check, unknown.length === 0 ? version : `${version}, without the commands ${unknown.join(', ')}`);
  } catch (error) {
    if (error instanceof MissingVirtCustomizeError) {
      const packages = { debian: 'guestfs-tools', fedora: 'guestfs-tools' };
      return missing(check, 'not found; --customize, --firstboot and --guest-agent need it', packages);
    }
    if (!(error instanceof Hyper2kvmError)) throw error;
    return { area: 'host', check, level: 'warning', detail: error.message, hint: error.hint ?? '' };
  }
}

/** An optional program that is not there: no warning, because most exports do not need it. */
function missing(check: string, detail: string, { debian, fedora }: Tool['packages']): StatusFinding {
  const hint =
    debian === fedora
      ? `Install the package ${debian}.`
      : `Install the package ${debian} (Debian, Ubuntu) or ${fedora} (Fedora, RHEL).`;
  return { ...ok(check, detail), hint };
}

/** Tests KVM by running a VM, once until the host reboots: an accessible device proves little. */
async function inspectKvm(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<StatusFinding> {
  const qemu = findQemuSystem(env);
  if (qemu === undefined) return ok('KVM', 'not tried without QEMU');
  const { reason } = await new HostKvm(env).find(qemu, signal);
  if (reason === undefined) return ok('KVM', 'runs a VM');
  const hint =
    'Without KVM, boot tests and --fix run in emulation and take several times as long. Enable virtualization in the firmware, load kvm_intel or kvm_amd, and join the group kvm.';
  return { area: 'host', check: 'KVM', level: 'warning', detail: reason, hint };
}

async function inspectFirmware(): Promise<StatusFinding> {
  try {
    const { codePath } = await findUefiFirmware({ machine: 'q35', secureBoot: false });
    return ok('UEFI firmware', codePath);
  } catch (error) {
    if (!(error instanceof Hyper2kvmError)) throw error;
    return missing('UEFI firmware', 'not found; UEFI guests and their boot test need it', FIRMWARE_PACKAGES);
  }
}

function ok(check: string, detail: string): StatusFinding {
  return { area: 'host', check, level: 'ok', detail };
}

async function inspectOutput(output: string): Promise<StatusFinding> {
  const check = 'free space';
  try {
    await checkWritable(output);
    return { area: 'host', check, level: 'ok', detail: `${formatBytes(await freeBytes(output))} in ${output}` };
  } catch (error) {
    const ownHint = error instanceof Hyper2kvmError ? error.hint : undefined;
    const hint = ownHint ?? 'Choose a folder that you can write to with --output.';
    return { area: 'host', check, level: 'error', kind: 'local-file', detail: sentenceOf(error), hint };
  }
}

/** The first line of a program's version output. */
async function versionOf(program: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], {
      env: childEnvironment(env),
      timeout: TOOL_LIMIT_MS,
      signal,
    });
    return stdout.split('\n')[0]?.trim() || program;
  } catch {
    signal.throwIfAborted();
    return `${program}, which does not report its version`;
  }
}
