import {
  nicDevice,
  CONTROLLER_WORDS,
  emulatedNic,
  emulatedController,
  isKnownToUefi,
  isSameController,
} from './source-devices.ts';
import type { DomainSource } from './domain-source.ts';

/** The values of `--hardware`. */
export const HARDWARE_OPTIONS = ['auto', 'virtio', 'source', 'sata'] as const;
export type HardwareOption = (typeof HARDWARE_OPTIONS)[number];

/**
 * `sata`: AHCI and e1000e, or older devices for a guest that does not support those. `source`: the devices of the VM
 * on VMware, as emulated by QEMU.
 */
export type HardwareKind = Exclude<HardwareOption, 'auto'>;

/** Whether the guest starts on virtio devices, as found by the guest fix; `unknown` if the guest was not inspected. */
export type VirtioSupport = 'supported' | 'unsupported' | 'unknown';

export interface HardwareQuestion {
  wanted: HardwareOption;
  virtioSupport: VirtioSupport;
  machine: Pick<DomainSource, 'architecture' | 'disks' | 'nics' | 'firmware'>;
  /** The devices of the QEMU that will run the VM, by QEMU's names; undefined if they are not known. */
  devices: ReadonlySet<string> | undefined;
}

export interface HardwareChoice {
  kind: HardwareKind;
  /** A sentence. */
  reason: string;
}

/**
 * Chooses the devices of a VM. `auto` selects virtio for a virtio-ready guest. For other guests it selects the
 * source's devices, on which a guest starts unchanged, if QEMU emulates identical ones; otherwise the devices that
 * most systems support unmodified. Pure.
 */
export function chooseHardware({ wanted, virtioSupport, machine, devices }: HardwareQuestion): HardwareChoice {
  if (machine.architecture === 'aarch64') {
    return { kind: 'virtio', reason: 'The guest is for ARM, whose domains have virtio devices only.' };
  }
  if (wanted !== 'auto') return { kind: wanted, reason: `--hardware ${wanted} asks for it.` };
  if (virtioSupport === 'supported')
    return { kind: 'virtio', reason: 'The guest has what it needs to start on virtio.' };
  const why = virtioSupport === 'unsupported' ? 'The guest cannot start on virtio' : 'Virtio support was not checked';
  const obstacle = obstacleToSource(machine, devices);
  if (obstacle === undefined) {
    return { kind: 'source', reason: `${why}, and QEMU has the controllers and NICs of the source.` };
  }
  return { kind: 'sata', reason: `${why}, and ${obstacle}.` };
}

/** Why the VM cannot have the identical devices of its source. A clause. */
function obstacleToSource(
  { disks, nics, firmware }: HardwareQuestion['machine'],
  devices: ReadonlySet<string> | undefined,
): string | undefined {
  const kinds = [...new Set(disks.map(({ controller }) => controller?.kind))];
  if (kinds.includes(undefined)) return 'the source does not specify the controllers of its disks';
  const other = kinds.find((kind) => !isSameController(kind));
  if (other !== undefined) return `QEMU has no ${CONTROLLER_WORDS[other]} controller like VMware’s`;
  const unseen = firmware === 'uefi' ? kinds.find((kind) => !isKnownToUefi(kind)) : undefined;
  if (unseen !== undefined) {
    return `the UEFI firmware of many hosts finds no disk on a ${CONTROLLER_WORDS[unseen]} controller`;
  }
  const nic = nics.find(({ model }) => emulatedNic(model) === undefined);
  if (nic !== undefined) {
    return nic.model === '' ? 'the source does not specify the models of its NICs' : `QEMU has no ${nic.model} NIC`;
  }
  const needed = [
    ...kinds.flatMap((kind) => emulatedController(kind)?.device ?? []),
    ...nics.map(({ model }) => nicDevice(emulatedNic(model) ?? '')),
  ];
  if (devices === undefined) return 'no QEMU is installed that could be asked for the devices of the source';
  const missing = needed.find((device) => !devices.has(device));
  if (missing !== undefined) return `the QEMU of this host has no ${missing}`;
  return undefined;
}
