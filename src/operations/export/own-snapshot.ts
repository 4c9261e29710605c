import { hostname } from 'node:os';
import { pause } from '../../base/time-limit.ts';
import { VsphereFault } from '../../vsphere/fault.ts';
import { createSnapshot, removeSnapshot } from '../../vsphere/snapshot.ts';
import { readVmFacts } from '../../vsphere/vm-facts.ts';
import type { VsphereClient } from '../../vsphere/vsphere-client.ts';
import type { MoRef } from '../../vsphere/wsdl-types.ts';
import type { CleanUp } from '../clean-up.ts';
import type { ExportStep } from './types.ts';

const REMOVE_LIMIT_MS = 12 * 3_600_000;
/** A snapshot whose making nobody could watch is looked for so long before it counts as never made. */
const APPEAR_LIMIT_MS = 20_000;

export interface SnapshotScope {
  client: VsphereClient;
  vm: string;
  vmRef: MoRef;
  /** Takes the removal. */
  cleanUp: CleanUp;
  step: (step: ExportStep, detail: string) => void;
}

/**
 * Makes the temporary snapshot `name`, or takes over `old`, the one of that name. It is removed by the clean-up, also when the server made it and
 * the answer was lost. An abort must not come between the making and the word of what was made, so that this takes no signal.
 */
export async function takeOwnSnapshot(
  { client, vm, vmRef, cleanUp, step }: SnapshotScope,
  { name, quiesce, old }: { name: string; quiesce: boolean; old: MoRef | undefined },
): Promise<MoRef> {
  let made = old;
  let appearLimitMs = 0;
  cleanUp.defer({
    remains: `The snapshot ${name} of ${vm} is still on ${client.server}: remove it there.`,
    limitMs: REMOVE_LIMIT_MS,
    run: async (limit) => {
      made ??= await findByName(client, vmRef, name, appearLimitMs, limit);
      if (!made) return;
      step('clean-up', `Removing the temporary snapshot ${name}`);
      await removeSnapshot(client, made, limit);
    },
  });
  const description = `Temporary: made by hyper2kvm on ${hostname()} for an export, and removed after it.`;
  try {
    made ??= await createSnapshot(client, vmRef, { name, description, quiesce }, new AbortController().signal);
    return made;
  } catch (error) {
    // A fault is the server's word that it made none; a line that broke says nothing.
    if (!(error instanceof VsphereFault)) appearLimitMs = APPEAR_LIMIT_MS;
    throw error;
  }
}

async function findByName(
  client: VsphereClient,
  vm: MoRef,
  name: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<MoRef | undefined> {
  const endsAt = Date.now() + limitMs;
  for (;;) {
    const { snapshots } = await readVmFacts(client, vm, signal);
    const found = snapshots.find((snapshot) => snapshot.name === name);
    if (found || Date.now() >= endsAt) return found?.ref;
    await pause(1000, signal);
  }
}
