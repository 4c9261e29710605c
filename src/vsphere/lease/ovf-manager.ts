import { Hyper2kvmError } from '../../base/errors.ts';
import { faultOfLocalized } from '../soap/fault.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef, WsdlValue } from '../soap/wsdl-types.ts';

export interface DescriptorRequest {
  vm: MoRef;
  name: string;
  files: readonly WsdlValue<'OvfFile'>[];
  snapshot: MoRef | undefined;
}

/**
 * Has the server create the OVF descriptor of a VM. Returns its warnings for the user. Errors that come with a
 * descriptor are also for the user: they concern devices that OVF cannot describe, such as passthrough devices.
 * @throws when the server reports errors and returns no descriptor.
 */
export async function createDescriptor(
  client: VsphereClient,
  { vm, name, files, snapshot }: DescriptorRequest,
  signal: AbortSignal,
): Promise<{ text: string; warnings: string[] }> {
  const { ovfManager } = client.content;
  if (!ovfManager) throw noDescriptor(client.server);
  const cdp = {
    ovfFiles: files,
    name,
    includeImageFiles: false,
    exportOption: ['mac', 'uuid', 'extraconfig'],
    ...(snapshot ? { snapshot } : {}),
  };
  const response = await client.call('CreateDescriptor', { _this: ovfManager, obj: vm, cdp }, signal);
  const result = response.find('returnval');
  const faults = (kind: string) =>
    (result?.all(kind) ?? []).map((each) => faultOfLocalized(each, 'Writing the OVF descriptor'));
  const text = result?.textOf('ovfDescriptor');
  const errors = faults('error');
  if (!text) throw errors[0] ?? noDescriptor(client.server);
  return { text, warnings: [...errors, ...faults('warning')].map((fault) => fault.message) };
}

/** The error for a server that cannot create OVF descriptors. */
export function noDescriptor(server: string, cause?: unknown): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `${server} does not write OVF descriptors.`, {
    cause,
    hint: 'Export the bare disks with --format vmdk.',
  });
}
