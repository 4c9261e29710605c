import type { DomainSource } from '../../../domain/domain-source.ts';
import { architectureOf, requireArchitecture } from '../../../domain/architecture.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { VmHardware } from '../../../vsphere/vm/vm-hardware.ts';
import { inPciOrder } from '../../nic-order.ts';

/**
 * Builds the VM configuration from a VM on the server. It boots from the disks in its boot order, then from the others
 * in hardware order. `leftOut` are disks that it does not get: their controllers still occupied PCI slots, which decides
 * the order of NICs.
 */
export function machineOfVm(
  vm: NamedVm,
  { bootDeviceKeys, ...config }: VmHardware,
  disks: readonly Pick<VirtualDisk, 'key' | 'controller' | 'uuid'>[],
  leftOut: readonly Pick<VirtualDisk, 'controller'>[] = [],
): DomainSource {
  const rank = ({ key }: { key: number }): number =>
    bootDeviceKeys.includes(key) ? bootDeviceKeys.indexOf(key) : bootDeviceKeys.length;
  const bootOrder = disks.toSorted((a, b) => rank(a) - rank(b));
  return {
    ...vm,
    ...config,
    architecture: requireArchitecture(architectureOf(config), vm.name),
    disks: disks.map((disk) => ({
      controller: disk.controller,
      bootOrder: bootOrder.indexOf(disk) + 1,
      serial: disk.uuid,
    })),
    nics: inPciOrder(
      config.nics,
      [...disks, ...leftOut].map(({ controller }) => controller),
    ),
  };
}
