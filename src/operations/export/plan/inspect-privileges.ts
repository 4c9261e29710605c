import {
  missingPrivileges,
  RESTART_PRIVILEGES,
  SHUTDOWN_PRIVILEGES,
  SNAPSHOT_PRIVILEGES,
} from '../../../vsphere/inventory/privileges.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { VmFacts } from '../../../vsphere/vm/vm-facts.ts';
import type { PowerChoice, PreflightFinding } from '../types.ts';

/**
 * Checks privileges before an export changes anything. A snapshot that the account may create but not remove would
 * stay, and a snapshot for a lease that is then refused is wasted.
 */
export async function inspectPrivileges(
  client: VsphereClient,
  facts: VmFacts,
  power: PowerChoice,
  signal: AbortSignal,
  more: readonly string[] = [],
): Promise<PreflightFinding[]> {
  const needed = ['VApp.Export', ...more, ...privilegesOf(power, facts)];
  const missing = await missingPrivileges(client, facts.ref, needed, signal);
  return missing.map((privilege) => ({
    level: 'error',
    kind: 'authentication',
    check: 'privileges',
    detail: `the account lacks ${privilege} on the VM.`,
    hint: `Add ${privilege} to the role of the account.`,
  }));
}

function privilegesOf(power: PowerChoice, { template, powerState }: VmFacts): readonly string[] {
  if (power.kind === 'snapshot' && !template) return SNAPSHOT_PRIVILEGES;
  if (power.kind !== 'shutdown' || powerState === 'poweredOff') return [];
  return [...SHUTDOWN_PRIVILEGES, ...(power.restart ? RESTART_PRIVILEGES : [])];
}
