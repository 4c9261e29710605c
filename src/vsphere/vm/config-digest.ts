import { createHash } from 'node:crypto';
import { readProperties } from '../session/properties.ts';
import type { VsphereClient } from '../session/vsphere-client.ts';
import type { MoRef } from '../soap/wsdl-types.ts';
import type { XmlElement } from '../soap/xml-element.ts';

/** These two change with every write to the configuration, but do not show what changed. */
const VERSION_FIELDS = new Set(['changeVersion', 'modified']);

/**
 * A hash of the complete configuration of a VM (`VirtualMachineConfigInfo`), except its version and the files of its
 * disks. Creating and removing a snapshot does not change the hash; any other change does. Undefined when the account
 * may not read the configuration.
 */
export async function readConfigDigest(
  client: VsphereClient,
  ref: MoRef,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { properties } = await readProperties(client, ref, ['config'], signal);
  const config = properties.get('config');
  if (config === undefined) return undefined;
  const fields = config.elements.filter(({ name }) => !VERSION_FIELDS.has(name)).map(contentOf);
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex');
}

function contentOf(element: XmlElement): unknown[] {
  const { name, type, text } = element;
  const elements = element.elements.filter((child) => type !== 'VirtualDisk' || child.name !== 'backing');
  return [name, type, elements.length === 0 ? text : '', elements.map(contentOf)];
}
