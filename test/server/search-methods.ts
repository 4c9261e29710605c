import type { SoapCall, SoapMethod } from './soap-call.ts';
import { Entity, unescapeName } from './entity.ts';
import { refs, type MoRef } from './value.ts';
import type { VirtualMachine } from './virtual-machine.ts';

/** Methods of the search index. Each returns nothing if there is no match. */
export const SEARCH_METHODS = {
  FindByUuid: (call) => byUuid(call)[0],

  FindAllByUuid: (call) => refs(byUuid(call)),

  FindByInventoryPath: ({ service, args }) => service.inventory.atPath(args.string('inventoryPath'))?.ref,

  FindChild({ service, args }) {
    const entity = service.objects.get(args.ref('entity'));
    if (!(entity instanceof Entity)) return undefined;
    return entity.children.find((child) => child.displayName === unescapeName(args.string('name')))?.ref;
  },

  /** Guests on this server have no addresses. */
  FindByDnsName: () => undefined,
  FindByIp: () => undefined,
} satisfies Record<string, SoapMethod>;

function byUuid({ service, args }: SoapCall): MoRef[] {
  if (!args.boolean('vmSearch')) return [];
  const uuid = args.string('uuid').toLowerCase();
  const datacenter = args.optionalRef('datacenter')?.value;
  const uuidOf = (vm: VirtualMachine) => (args.boolean('instanceUuid') ? vm.instanceUuid : vm.biosUuid);
  return service
    .vms()
    .filter((vm) => uuidOf(vm).toLowerCase() === uuid)
    .filter((vm) => datacenter === undefined || vm.datacenter.entity.ref.value === datacenter)
    .map((vm) => vm.ref);
}
