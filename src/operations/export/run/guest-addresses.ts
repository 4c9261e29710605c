import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { readGuestNet } from '../../../vsphere/vm/guest-net.ts';
import type { GuestNetReport } from '../../guest-net/types.ts';
import type { ResumeRecord } from '../history/resume-record.ts';
import type { ExportOptions } from '../types.ts';
import type { PlannedVm } from '../plan/plan-vm.ts';

/**
 * The addresses of the guest, read before this export can shut it down. If an earlier run has shut it down and then
 * failed, the addresses are those that it recorded.
 */
export async function guestAddresses(
  { client, facts, options, plan }: PlannedVm & { client: VsphereClient; options: Pick<ExportOptions, 'power'> },
  resume: Pick<ResumeRecord, 'guestNet' | 'keepAddresses'>,
  signal: AbortSignal,
): Promise<GuestNetReport> {
  const reading = await readGuestNet(client, facts.ref, signal);
  const vm = facts.instanceUuid || plan.moRef;
  if ('reason' in reading) {
    const known = facts.powerState === 'poweredOff' && resume.guestNet?.vm === vm ? resume.guestNet : undefined;
    if (known === undefined) return { readAt: null, reason: reading.reason, file: null, nics: [] };
    return { readAt: known.readAt, reason: null, file: null, nics: known.nics };
  }
  const readAt = new Date().toISOString();
  if (options.power.kind === 'shutdown') await resume.keepAddresses({ vm, readAt, nics: reading.nics });
  return { readAt, reason: null, file: null, nics: reading.nics };
}
