/** Which libvirt network takes the place of which of the source's. */
export interface NetworkOptions {
  /** For all that have none of their own; undefined is libvirt's own network. */
  all?: string | undefined;
  /** By the source's name. */
  of: ReadonlyMap<string, string>;
}

/** The network that libvirt brings along. */
const DEFAULT_NETWORK = 'default';

/** The libvirt network of a card, and in a sentence what nobody asked for. A source that tells no network gets the default as well. */
export function networkOf(source: string | undefined, requested: NetworkOptions): { network: string; note?: string } {
  const wanted = requested.of.get(source ?? '') ?? requested.all;
  if (wanted !== undefined) return { network: wanted };
  if (!source || source === DEFAULT_NETWORK) return { network: DEFAULT_NETWORK };
  const note = `The source network ${source} becomes the libvirt network ${DEFAULT_NETWORK} in the domain; --network selects another.`;
  return { network: DEFAULT_NETWORK, note };
}

/** Sentences about names that no card of the machine is on, such as misspelt ones. */
export function unusedNetworks(sources: readonly (string | undefined)[], { of }: NetworkOptions): string[] {
  return [...of.keys()]
    .filter((name) => !sources.includes(name))
    .map((name) => `--network names ${name}, but no NIC of the source is on that network.`);
}
