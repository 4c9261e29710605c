import { kubernetesName } from './kubernetes-name.ts';
import { unusedNetworks, type NetworkOptions } from '../networks.ts';

/** The pods' own network, or a NetworkAttachmentDefinition of Multus: `NAME`, or `NAMESPACE/NAME`. */
export type KubevirtNetwork = 'pod' | { attachment: string };

/**
 * Where each card of a machine goes. Those that nobody asked a network for: the first is on the pods' network, of which a machine can have one; each other needs a definition
 * of its own, named after the source's network, and a sentence says so.
 */
export function kubevirtNetworks(
  sources: readonly (string | undefined)[],
  requested: NetworkOptions,
): { networks: KubevirtNetwork[]; notes: string[] } {
  const notes: string[] = [];
  let hasPod = false;
  const networks = sources.map((source, index): KubevirtNetwork => {
    const wanted = requested.of.get(source ?? '') ?? requested.all;
    if (wanted !== undefined) return { attachment: wanted };
    const from = source ? ` (${source} in the source)` : '';
    if (!hasPod) {
      hasPod = true;
      notes.push(`NIC ${index + 1}${from} is on the pod network; --network selects another.`);
      return 'pod';
    }
    const attachment = source ? kubernetesName(source) : `nic-${index + 1}`;
    notes.push(
      `NIC ${index + 1}${from} needs the NetworkAttachmentDefinition ${attachment}; --network selects another.`,
    );
    return { attachment };
  });
  return { networks, notes: [...notes, ...unusedNetworks(sources, requested)] };
}
