import { join } from 'node:path';
import type { DomainFacts } from '../../domain/domain-facts.ts';
import { domainXml } from '../../domain/domain-xml.ts';
import type { SinkFormat } from '../../image/create-sink.ts';
import type { VmHardware } from '../../vsphere/vm-hardware.ts';

/** The libvirt domain of a VM whose disks were exported as images, on hardware that every guest drives without being changed. */
export function domainOfVm(
  name: string,
  hardware: VmHardware,
  images: { folder: string; disks: string[]; format: SinkFormat },
): string {
  const { folder, disks, format } = images;
  const facts: DomainFacts = {
    name,
    uuid: hardware.biosUuid || undefined,
    memoryBytes: hardware.memoryBytes,
    vcpus: hardware.cpus,
    coresPerSocket: hardware.coresPerSocket,
    firmware: hardware.firmware,
    secureBoot: hardware.secureBoot,
    machine: 'q35',
    disks: disks.map((disk, index) => ({ path: join(folder, disk), format, bus: 'sata', bootOrder: index + 1 })),
    nics: hardware.networkCards.map(({ macAddress, network }) => ({
      mac: macAddress,
      model: 'e1000e',
      network: network || 'default',
    })),
    guestId: hardware.guestId,
  };
  return domainXml(facts);
}
