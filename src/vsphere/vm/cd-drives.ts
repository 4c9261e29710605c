import { readProperties } from '../session/properties.ts';
import { waitForTask } from '../session/task.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/**
 * Removes every CD-ROM drive from a VM's hardware and returns their labels. Changes nothing when there are none.
 * @throws VsphereFault `InvalidPowerState` when the VM is on and the drive's bus, such as IDE, does not allow hot
 * removal.
 */
export async function removeCdDrives(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<string[]> {
  const drives = await readDrives(client, vm, signal);
  if (drives.length === 0) return [];
  const deviceChange = drives.map((drive) => ({ operation: 'remove', device: { key: drive.numberOf('key') ?? 0 } }));
  const response = await client.call('ReconfigVM_Task', { _this: vm, spec: { deviceChange } }, signal);
  const look = async (limit: AbortSignal): Promise<true | undefined> =>
    (await readDrives(client, vm, limit)).length === 0 ? true : undefined;
  await waitForTask(client, response, { during: 'Removing the CD-ROM drives', look }, signal);
  return drives.map((drive) => drive.textOf('deviceInfo.label') ?? 'CD-ROM drive');
}

async function readDrives(client: VsphereClient, vm: MoRef, signal: AbortSignal): Promise<XmlElement[]> {
  const path = 'config.hardware.device';
  const { properties } = await readProperties(client, vm, [path], signal);
  return (properties.get(path)?.elements ?? []).filter(({ type }) => type === 'VirtualCdrom');
}
