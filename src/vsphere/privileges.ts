import { readInventory } from './properties.ts';
import { refOf } from './soap-envelope.ts';
import type { VsphereClient } from './vsphere-client.ts';

/** `VApp.Export` opens the lease and writes the descriptor; `GetVmFiles` ("allow virtual machine download") reads the disks. */
export const EXPORT_PRIVILEGES = ['VApp.Export', 'VirtualMachine.Provisioning.GetVmFiles'] as const;
export const SNAPSHOT_PRIVILEGES = [
  'VirtualMachine.State.CreateSnapshot',
  'VirtualMachine.State.RemoveSnapshot',
] as const;

/** Entities in one call; a server was not seen to refuse more, but its answer grows with them. */
const BATCH = 200;

/** On how many of the VMs that the account can see it holds each privilege. */
export interface PrivilegeCount {
  privilege: string;
  granted: number;
  vms: number;
}

export async function countPrivileges(
  client: VsphereClient,
  privileges: readonly string[],
  signal: AbortSignal,
): Promise<PrivilegeCount[]> {
  const manager = client.content.authorizationManager;
  if (!manager) return [];
  const entities = (await readInventory(client, [{ type: 'VirtualMachine', pathSet: ['name'] }], signal)).map(
    ({ ref }) => ref,
  );
  const granted = new Map<string, number>(privileges.map((privilege) => [privilege, 0]));
  for (let start = 0; start < entities.length; start += BATCH) {
    const response = await client.call(
      'HasPrivilegeOnEntities',
      {
        _this: manager,
        entity: entities.slice(start, start + BATCH),
        sessionId: client.sessionKey,
        privId: privileges,
      },
      signal,
    );
    for (const answer of response.all('returnval')) {
      if (!refOf(answer.find('entity'))) continue;
      for (const each of answer.all('privAvailability')) {
        const privilege = each.textOf('privId') ?? '';
        if (each.isTrue('isGranted')) granted.set(privilege, (granted.get(privilege) ?? 0) + 1);
      }
    }
  }
  return privileges.map((privilege) => ({ privilege, granted: granted.get(privilege) ?? 0, vms: entities.length }));
}

/** The server's clock, in milliseconds since 1970. */
export async function readServerTime(client: VsphereClient, signal: AbortSignal): Promise<number> {
  const response = await client.call(
    'CurrentTime',
    { _this: { type: 'ServiceInstance', value: 'ServiceInstance' } },
    signal,
  );
  return Date.parse(response.textOf('returnval') ?? '');
}
