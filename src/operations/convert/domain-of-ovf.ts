import type { DomainDisk, DomainFacts } from '../../domain/domain-facts.ts';
import type { OvfFacts } from '../../ovf/ovf-facts.ts';

/** What the conversion decided, and OVF cannot know. */
export interface DomainChoices {
  /** The images, one for each disk of the OVF in its order: absolute paths. */
  disks: Pick<DomainDisk, 'path' | 'format'>[];
  /** What every guest of the last fifteen years drives without being changed is `sata` and `e1000e`. */
  bus: DomainDisk['bus'];
  nicModel: string;
  /** The libvirt network for a network of the source; by default the one of the same name. */
  networkOf?: (sourceNetwork: string) => string;
}

/** libvirt's own network, for a card that the OVF connects to none. */
const DEFAULT_NETWORK = 'default';
/** For an OVF that does not tell: enough for any guest to start and be looked at. */
const DEFAULT_MEMORY_BYTES = 2 * 2 ** 30;

/** The libvirt domain of a machine that an OVF describes. Pure; throws a `RangeError` when the disks are not as many as the OVF's. */
export function domainOfOvf(ovf: OvfFacts, choices: DomainChoices): DomainFacts {
  const { disks, bus, nicModel, networkOf = (network) => network } = choices;
  if (disks.length !== ovf.disks.length) throw new RangeError('There is not one image for each disk of the OVF.');
  return {
    name: ovf.name,
    uuid: ovf.uuid,
    memoryBytes: ovf.memoryBytes ?? DEFAULT_MEMORY_BYTES,
    vcpus: ovf.vcpus,
    coresPerSocket: ovf.coresPerSocket,
    firmware: ovf.firmware,
    secureBoot: ovf.secureBoot,
    machine: 'q35',
    disks: disks.map(({ path, format }, index) => ({ path, format, bus, bootOrder: ovf.disks[index]?.bootOrder })),
    nics: ovf.nics.map(({ mac, network }) => ({
      mac,
      model: nicModel,
      network: network === undefined ? DEFAULT_NETWORK : networkOf(network),
    })),
    guestId: ovf.guestId,
  };
}
