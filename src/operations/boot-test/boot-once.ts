import { totalmem } from 'node:os';
import { formatBytes, formatDuration } from '../../base/text/amounts.ts';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { Secret } from '../../base/text/secret.ts';
import { HostKvm, KvmBrokeError } from '../../guest/boot/qemu/accelerator.ts';
import type { Accelerator } from '../../guest/boot/qemu/boot-machine.ts';
import type { BootPatience } from '../../guest/boot/boot-verdict.ts';
import type { QemuPrograms } from '../../guest/boot/qemu/find-qemu.ts';
import { noTraffic } from '../../guest/boot/observe/nic-traffic.ts';
import { runBoot, type BootOutcome } from '../../guest/boot/run-boot.ts';
import type { BootTarget } from './boot-target.ts';
import { awaited, judgeAddress, knownAddresses } from './nic-address.ts';
import type { BootTestOptions, BootTestResult } from './types.ts';

const KVM_PATIENCE: BootPatience = {
  timeoutSeconds: 300,
  networkSeconds: 45,
  addressSeconds: 15,
  afterFrameSeconds: 60,
};
/**
 * Emulation is 5 to 20 times slower than KVM (measured). The factor is lower because part of a boot is waiting for
 * disks and timers.
 */
const EMULATION_FACTOR = 4;

export interface OneBoot {
  target: BootTarget;
  programs: QemuPrograms;
  options: BootTestOptions;
  /** Passphrases of the guest's encrypted volumes. */
  passphrases?: readonly Secret[] | undefined;
  folder: string;
  /** Receives progress messages as they occur. */
  tell: (words: string) => void;
  warn: (message: string) => void;
  /** Defaults to the KVM of the host that `options.env` describes. */
  kvm?: HostKvm;
}

/** The fields that a boot adds to the result. */
export type BootFindings = Omit<BootTestResult, 'target' | 'name' | 'job' | 'warnings' | 'problem'>;

/**
 * Boots with KVM if it works and in emulation otherwise, and reports the reason. If KVM fails during the boot, `auto`
 * boots again in emulation.
 */
export async function bootOnce(boot: OneBoot, signal: AbortSignal): Promise<BootFindings> {
  const { target, options, warn } = boot;
  requireMemory(target);
  const { accelerator: wanted, env } = options;
  if (wanted === 'tcg') return run(boot, 'tcg', signal);
  const { qemu } = boot.programs;
  const kvm = boot.kvm ?? new HostKvm(env);
  const { accelerator, reason } = await kvm.find(qemu, signal);
  if (reason !== undefined) {
    if (wanted === 'kvm') throw new Hyper2kvmError('host', 'KVM cannot be used on this host.', { hint: reason });
    warn(`The guest is emulated, which is slow. ${reason}`);
  }
  try {
    return await run(boot, accelerator, signal);
  } catch (error) {
    if (!(error instanceof KvmBrokeError) || wanted === 'kvm') throw error;
    warn(`The guest is booted again in emulation, which is slow. ${error.message}`);
    const findings = await run(boot, 'tcg', signal);
    // The boot in emulation succeeded, so the fault was in KVM and not in the VM's hardware.
    await kvm.markBroken(qemu, error.message);
    return findings;
  }
}

async function run(boot: OneBoot, accelerator: Accelerator, signal: AbortSignal): Promise<BootFindings> {
  const { target, programs, options, passphrases, folder, tell, warn } = boot;
  const how = accelerator === 'kvm' ? 'with KVM' : 'in emulation';
  tell(`Booting ${how}, waiting for signs of life`);
  const { machine } = target;
  const { guestNet, configuredNics } = options;
  const nics = machine.nics.map((nic) => {
    return { ...nic, expected: awaited(knownAddresses(nic.mac, guestNet, configuredNics)) };
  });
  const expected = nics.map((nic) => nic.expected);
  const outcome = await runBoot(
    {
      machine: { ...machine, nics },
      programs,
      accelerator,
      patience: { ...patienceFor(accelerator, options.timeoutMs), expected },
      passphrases,
      folder,
      onSign: ({ seconds, words }) => tell(`Boot test, ${formatDuration(seconds)}: ${words}`),
    },
    signal,
  );
  if (outcome.pictureProblem !== undefined) warn(outcome.pictureProblem);
  return findingsOf(outcome, boot, accelerator);
}

function patienceFor(accelerator: Accelerator, timeoutMs: number | undefined): BootPatience {
  const factor = accelerator === 'kvm' ? 1 : EMULATION_FACTOR;
  return {
    timeoutSeconds: timeoutMs === undefined ? KVM_PATIENCE.timeoutSeconds * factor : timeoutMs / 1000,
    networkSeconds: KVM_PATIENCE.networkSeconds * factor,
    addressSeconds: KVM_PATIENCE.addressSeconds * factor,
    afterFrameSeconds: KVM_PATIENCE.afterFrameSeconds * factor,
  };
}

function findingsOf(outcome: BootOutcome, { target, options }: OneBoot, accelerator: Accelerator): BootFindings {
  const { machine } = target;
  const { guestNet, configuredNics } = options;
  const known = machine.nics.map(({ mac }) => ({ mac, known: knownAddresses(mac, guestNet, configuredNics) }));
  const ownerOf = (address: string): string | undefined =>
    known.find((nic) => [...nic.known.fixed, ...nic.known.onVmware].includes(address))?.mac;
  const { signs, verdict, seconds, picture, serialLog, lastLines, failedUnits } = outcome;
  const { failure } = signs;
  return {
    verdict,
    networkUp: machine.nics.length === 0 ? null : signs.frameSeconds.some((frame) => frame !== undefined),
    seconds,
    accelerator,
    firmware: machine.firmware.kind,
    loginPromptSeconds: signs.loginSeconds ?? null,
    guestAgentSeconds: signs.agentSeconds ?? null,
    nics: machine.nics.map(({ mac, device }, index) => {
      const sent = signs.traffic[index] ?? noTraffic();
      return {
        mac,
        model: device,
        firstFrameSeconds: signs.frameSeconds[index] ?? null,
        sent,
        configured: configuredNics?.find((nic) => nic.mac === mac)?.addresses ?? null,
        address: judgeAddress(sent, knownAddresses(mac, guestNet, configuredNics), ownerOf),
      };
    }),
    restarts: signs.restarts,
    ...(failure && {
      failure: { kind: failure.failure, words: failure.words, text: failure.text, seconds: failure.seconds },
    }),
    failedUnits,
    lastLines,
    picture: picture ?? null,
    serialLog,
  };
}

/**
 * QEMU allocates guest memory on demand. A guest with as much memory as the host cannot run; anything smaller is
 * allowed.
 */
function requireMemory({ name, machine }: BootTarget): void {
  if (machine.memoryBytes < totalmem()) return;
  const [wanted, there] = [formatBytes(machine.memoryBytes), formatBytes(totalmem())];
  throw new Hyper2kvmError('host', `${name} has ${wanted} of memory, and this host ${there}.`, {
    hint: 'Reduce it with --memory.',
  });
}
