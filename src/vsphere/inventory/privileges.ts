import { isFault, NOT_OFFERED } from '../soap/fault.ts';
import { readInventory } from '../session/properties.ts';
import { refOf } from '../soap/soap-envelope.ts';
import { SERVICE_INSTANCE, type VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';

/** `VApp.Export` opens the lease and writes the descriptor; `GetVmFiles` ("allow virtual machine download") reads the disks. */
export const EXPORT_PRIVILEGES = ['VApp.Export', 'VirtualMachine.Provisioning.GetVmFiles'] as const;
export const SNAPSHOT_PRIVILEGES = [
  'VirtualMachine.State.CreateSnapshot',
  'VirtualMachine.State.RemoveSnapshot',
] as const;

export const SHUTDOWN_PRIVILEGES = ['VirtualMachine.Interact.PowerOff'] as const;
/** A VM that was shut down and may not be powered on again would stay off. */
export const RESTART_PRIVILEGES = ['VirtualMachine.Interact.PowerOn'] as const;

/** Entities in one call; a server was not seen to refuse more, but its answer grows with them. */
const BATCH = 200;

/** On how many of the VMs that the account can see it holds each privilege. */
export interface PrivilegeCount {
  privilege: string;
  granted: number;
  vms: number;
}

/** What could be found out about privileges. */
export interface PrivilegeReport {
  /** VMs that the account can see. */
  vms: number;
  /** Undefined when the server does not say: an ESXi host has no call for it. */
  counts: PrivilegeCount[] | undefined;
}

export async function countPrivileges(
  client: VsphereClient,
  privileges: readonly string[],
  signal: AbortSignal,
): Promise<PrivilegeReport> {
  const entities = (await readInventory(client, [{ type: 'VirtualMachine', pathSet: ['name'] }], signal)).map(
    ({ ref }) => ref,
  );
  const granted = new Map<string, number>(privileges.map((privilege) => [privilege, 0]));
  for (let start = 0; start < entities.length; start += BATCH) {
    const grants = await grantsOn(client, entities.slice(start, start + BATCH), privileges, signal);
    if (grants === undefined) return { vms: entities.length, counts: undefined };
    for (const privilege of grants) {
      granted.set(privilege, (granted.get(privilege) ?? 0) + 1);
    }
  }
  const vms = entities.length;
  return { vms, counts: privileges.map((privilege) => ({ privilege, granted: granted.get(privilege) ?? 0, vms })) };
}

/** Which of the privileges the account lacks on one object; none where the server does not tell. */
export async function missingPrivileges(
  client: VsphereClient,
  entity: MoRef,
  privileges: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const granted = await grantsOn(client, [entity], privileges, signal);
  return granted === undefined ? [] : privileges.filter((privilege) => !granted.includes(privilege));
}

/** Each privilege as often as it is granted on one of the objects. Undefined where the server does not answer that: only a vCenter does. */
async function grantsOn(
  client: VsphereClient,
  entity: readonly MoRef[],
  privId: readonly string[],
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const { authorizationManager: manager, about } = client.content;
  if (!manager || about.apiType === 'HostAgent') return undefined;
  const args = { _this: manager, entity, sessionId: client.sessionKey, privId };
  let response;
  try {
    response = await client.call('HasPrivilegeOnEntities', args, signal);
  } catch (error) {
    if (isFault(error, ...NOT_OFFERED, 'NoPermission', 'InvalidArgument')) return undefined;
    throw error;
  }
  return response
    .all('returnval')
    .filter((answer) => refOf(answer.find('entity')))
    .flatMap((answer) => answer.all('privAvailability'))
    .filter((each) => each.isTrue('isGranted'))
    .map((each) => each.textOf('privId') ?? '');
}

/** The server's clock, in milliseconds since 1970. */
export async function readServerTime(client: VsphereClient, signal: AbortSignal): Promise<number> {
  const response = await client.call('CurrentTime', { _this: SERVICE_INSTANCE }, signal);
  return Date.parse(response.textOf('returnval') ?? '');
}
