import type { ControllerKind, VmController } from '../../../base/vm-config.ts';
import type { DomainSource } from '../../../domain/domain-source.ts';
import { guestBusOf } from '../../fix-guest/guest-bus.ts';
import { inPciOrder } from '../../nic-order.ts';
import type { GuestDisk } from '../../../guest/guest.ts';
import { architectureOf, requireArchitecture } from '../../../domain/architecture.ts';
import type { NamedVm } from '../../../domain/vm-name.ts';
import type { VirtualDisk } from '../../../vsphere/vm/virtual-disk.ts';
import type { VmHardware } from '../../../vsphere/vm/vm-hardware.ts';

/**
 * Builds the VM configuration from a VM on the server. It boots from the disks in its boot order, then from the others
 * in hardware order.
 */
export function machineOfVm(
  vm: NamedVm,
  hardware: VmHardware,
  disks: readonly Pick<VirtualDisk, 'key' | 'address' | 'controllerSlot' | 'uuid'>[],
): DomainSource {
  const named = hardware.bootDeviceKeys;
  const rank = ({ key }: { key: number }): number => (named.includes(key) ? named.indexOf(key) : named.length);
  const bootOrder = disks.toSorted((a, b) => rank(a) - rank(b));
  const { guestId, memoryBytes, cpus, coresPerSocket, firmware, secureBoot, tpm, cdRoms } = hardware;
  return {
    ...vm,
    architecture: requireArchitecture(architectureOf({ guestId }), vm.name),
    uuid: hardware.biosUuid || undefined,
    guestId: guestId || undefined,
    memoryBytes,
    vcpus: cpus,
    coresPerSocket: cpus % coresPerSocket === 0 ? coresPerSocket : undefined,
    firmware,
    secureBoot: firmware === 'uefi' && secureBoot,
    tpm,
    disks: disks.map((disk) => ({
      controller: controllerOf(disk.address),
      bootOrder: bootOrder.indexOf(disk) + 1,
      serial: disk.uuid,
    })),
    nics: inPciOrder(
      hardware.networkAdapters.map(({ macAddress, type, network, pciSlotNumber }) => ({
        mac: macAddress || undefined,
        model: CARDS.get(type) ?? type,
        network: network || undefined,
        pciSlotNumber,
      })),
      disks.map(({ address, controllerSlot }) => {
        const controller = controllerOf(address);
        return controller && { ...controller, pciSlotNumber: controllerSlot };
      }),
    ),
    cdRoms,
  };
}

/** Keyed by vSphere class name. */
const CONTROLLERS = new Map<string, ControllerKind>([
  ['VirtualIDEController', 'ide'],
  ['VirtualBusLogicController', 'buslogic'],
  ['VirtualLsiLogicController', 'lsilogic'],
  ['VirtualLsiLogicSASController', 'lsilogicsas'],
  ['ParaVirtualSCSIController', 'pvscsi'],
  ['VirtualAHCIController', 'sata'],
  ['VirtualNVMEController', 'nvme'],
]);

const CARDS = new Map([
  ['VirtualVmxnet3', 'vmxnet3'],
  ['VirtualVmxnet2', 'vmxnet2'],
  ['VirtualVmxnet', 'vmxnet'],
  ['VirtualE1000', 'e1000'],
  ['VirtualE1000e', 'e1000e'],
  ['VirtualPCNet32', 'pcnet32'],
]);

/** The original location of a disk, for names in the guest that depend on it. */
export function guestAddressOf({
  address,
  controllerSlot,
}: Pick<VirtualDisk, 'address' | 'controllerSlot'>): GuestDisk['address'] {
  const controller = controllerOf(address);
  const bus = guestBusOf(controller?.kind);
  const [, unit] = /:(\d+)$/.exec(address) ?? [];
  if (controller === undefined || bus === undefined || unit === undefined) return undefined;
  return { bus, controller: controller.address, unit: Number(unit), pciSlotNumber: controllerSlot };
}

/** The controller in an address such as `VirtualLsiLogicController0:1`. */
function controllerOf(address: string): VmController | undefined {
  const [, type = '', bus] = /^(\D.*?)(\d{1,6}):\d{0,6}$/.exec(address) ?? [];
  const kind = CONTROLLERS.get(type);
  return kind === undefined ? undefined : { kind, address: Number(bus) };
}
