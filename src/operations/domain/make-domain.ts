import type { DomainDisk, DomainFacts } from '../../domain/domain-facts.ts';
import { domainOfMachine } from '../../domain/domain-of-machine.ts';
import { chooseHardware, type Fitness, type HardwareKind, type HardwareWish } from '../../domain/hardware-choice.ts';
import { readHostDevices } from '../../domain/host-devices.ts';
import type { NetworkWishes } from '../../domain/networks.ts';
import type { SourceMachine } from '../../domain/source-machine.ts';

/** What the machine runs on, and why. */
export interface HardwareReport {
  kind: HardwareKind;
  /** A sentence. */
  reason: string;
  /** Sentences about what the domain cannot have of the machine. */
  notes: string[];
}

export interface DomainRequest {
  machine: SourceMachine;
  /** One for each disk of the machine, in its order. */
  images: Pick<DomainDisk, 'path' | 'format'>[];
  wanted: HardwareWish;
  fitness: Fitness;
  networks: NetworkWishes | undefined;
}

/** Decides on the hardware of a machine and makes its domain. Asks the QEMU of this host only where the answer counts. */
export async function makeDomain(
  { machine, images, wanted, fitness, networks }: DomainRequest,
  signal: AbortSignal,
): Promise<{ facts: DomainFacts; hardware: HardwareReport }> {
  const needsHost = wanted === 'auto' && fitness !== 'fit';
  const devices = needsHost ? await readHostDevices(signal) : undefined;
  const choice = chooseHardware({ wanted, fitness, machine, devices });
  const { facts, notes } = domainOfMachine(machine, { images, hardware: choice.kind, networks });
  return { facts, hardware: { ...choice, notes } };
}
