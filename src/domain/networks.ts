/** Maps the source's networks to libvirt networks. */
export interface NetworkOptions {
  /** The network for every NIC without a mapping of its own; defaults to libvirt's default network. */
  all?: string | undefined;
  /** Indexed by the source's network name. */
  of: ReadonlyMap<string, string>;
}

/** The network that libvirt ships with. */
const DEFAULT_NETWORK = 'default';

/**
 * The libvirt network of a NIC, and a sentence if the network was not requested. A NIC without a source network gets
 * the default network too.
 */
export function networkOf(source: string | undefined, requested: NetworkOptions): { network: string; note?: string } {
  const wanted = requested.of.get(source ?? '') ?? requested.all;
  if (wanted !== undefined) return { network: wanted };
  if (!source || source === DEFAULT_NETWORK) return { network: DEFAULT_NETWORK };
  const note = `The source network ${source} becomes the libvirt network ${DEFAULT_NETWORK} in the domain; --network selects another.`;
  return { network: DEFAULT_NETWORK, note };
}

/** Sentences about mapped names that no NIC of the VM uses, such as misspelt ones. */
export function unusedNetworks(sources: readonly (string | undefined)[], { of }: NetworkOptions): string[] {
  return [...of.keys()]
    .filter((name) => !sources.includes(name))
    .map((name) => `--network names ${name}, but no NIC of the source is on that network.`);
}
