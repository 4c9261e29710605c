import { kubernetesName } from './kubernetes-name.ts';
import type { VmNic } from '../../base/vm-config.ts';
import { requestedConnection, unusedNetworks, type NetworkOptions } from '../networks.ts';

/** The pod network, or a NetworkAttachmentDefinition of Multus: `NAME`, or `NAMESPACE/NAME`. */
export type KubevirtNetwork = 'pod' | { attachment: string };

/**
 * The network of each NIC of a VM. Without a requested network, the first NIC is on the pod network, of which a VM
 * can have one. Each further NIC needs its own definition, named after the source's network, and a sentence reports
 * that.
 */
export function kubevirtNetworks(
  nics: readonly Pick<VmNic, 'mac' | 'network'>[],
  requested: NetworkOptions,
): { networks: KubevirtNetwork[]; notes: string[] } {
  const notes: string[] = [];
  let hasPod = false;
  const networks = nics.map((nic, index): KubevirtNetwork => {
    const { network: source } = nic;
    const wanted = requestedConnection(nic, requested)?.network;
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
  return { networks, notes: [...notes, ...unusedNetworks(nics, requested)] };
}
