import { isFault, NOT_OFFERED } from '../soap/fault.ts';
import { readInventory } from '../session/properties.ts';
import { refOf } from '../soap/soap-envelope.ts';
import { SERVICE_INSTANCE, type VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';

/** `VApp.Export` opens the lease and creates the descriptor; `GetVmFiles` ("Allow virtual machine download") reads the disks. */
export const EXPORT_PRIVILEGES = ['VApp.Export', 'VirtualMachine.Provisioning.GetVmFiles'] as const;
export const SNAPSHOT_PRIVILEGES = [
  'VirtualMachine.State.CreateSnapshot',
  'VirtualMachine.State.RemoveSnapshot',
] as const;

/** `DiskRandomRead` is for the reads and for changed block tracking, `GetVmFiles` for the ticket. */
export const NFC_PRIVILEGES = [
  'VirtualMachine.Provisioning.DiskRandomRead',
  'VirtualMachine.Provisioning.GetVmFiles',
] as const;

export const SHUTDOWN_PRIVILEGES = ['VirtualMachine.Interact.PowerOff'] as const;
/** Without this privilege, a VM that the export shut down would stay off. */
export const RESTART_PRIVILEGES = ['VirtualMachine.Interact.PowerOn'] as const;

/** Entities per call. No server has been seen to refuse more, but the response grows with the number. */
const BATCH = 200;

/** For how many of the visible VMs the account holds a privilege. */
export interface PrivilegeCount {
  privilege: string;
  granted: number;
  vms: number;
}

/** The result of the privilege check. */
export interface PrivilegeReport {
  /** Number of VMs that the account can see. */
  vms: number;
  /** Undefined when the server cannot answer: an ESXi host has no such call. */
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

/** The privileges that the account lacks on one object; empty when the server does not report them. */
export async function missingPrivileges(
  client: VsphereClient,
  entity: MoRef,
  privileges: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const granted = await grantsOn(client, [entity], privileges, signal);
  return granted === undefined ? [] : privileges.filter((privilege) => !granted.includes(privilege));
}

/** Lists each privilege once per object on which it is granted. Undefined when the server does not support the call; only vCenter does. */
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
