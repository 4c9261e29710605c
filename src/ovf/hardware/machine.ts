import type { VmConfig } from '../../base/vm-config.ts';
import { bytesPerUnit } from '../descriptor/allocation-units.ts';
import type { RefuseDescriptor } from '../descriptor/envelope.ts';
import { RESOURCE, type OvfItem } from '../descriptor/items.ts';
import { wholeNumber } from '../descriptor/sections.ts';

const MEBIBYTE = 2 ** 20;
/** More than any hypervisor supports; the maximum in vSphere is 960 (version 9). */
const MOST_VCPUS = 8192;

export function readProcessors(
  items: readonly OvfItem[],
  refuse: RefuseDescriptor,
): Pick<VmConfig, 'vcpus' | 'coresPerSocket'> {
  const item = items.find(({ resourceType }) => resourceType === RESOURCE.processor);
  if (item === undefined) return { vcpus: 1, coresPerSocket: undefined };
  const ovirt = ovirtProcessors(item);
  const vcpus = ovirt?.vcpus ?? wholeNumber(item.field('VirtualQuantity')) ?? 0;
  if (vcpus < 1 || vcpus > MOST_VCPUS) refuse('it gives no valid number of processors');
  const cores = ovirt?.coresPerSocket ?? wholeNumber(item.element.children('CoresPerSocket', 'vmw')[0]?.text());
  return { vcpus, coresPerSocket: cores !== undefined && cores > 0 && vcpus % cores === 0 ? cores : undefined };
}

/** oVirt records the CPU topology in fields of its own, without a quantity. */
function ovirtProcessors(item: OvfItem): { vcpus: number; coresPerSocket: number } | undefined {
  const sockets = wholeNumber(item.field('num_of_sockets'));
  const cores = wholeNumber(item.field('cpu_per_socket'));
  if (sockets === undefined || cores === undefined) return undefined;
  return { vcpus: sockets * cores * (wholeNumber(item.field('threads_per_cpu')) ?? 1), coresPerSocket: cores };
}

export function readMemoryBytes(items: readonly OvfItem[], refuse: RefuseDescriptor): number | undefined {
  const item = items.find(({ resourceType }) => resourceType === RESOURCE.memory);
  if (item === undefined) return undefined;
  const units = item.field('AllocationUnits');
  const unitBytes = bytesPerUnit(units) ?? refuse(`it counts memory in the unknown unit ${JSON.stringify(units)}`);
  const quantity = wholeNumber(item.field('VirtualQuantity')) ?? refuse('it gives no valid amount of memory');
  // A quantity without a unit is in bytes (DSP0004). However, no VM has less than 1 MiB, so a smaller value means MiB,
  // which is VMware's usual unit.
  const bytes = quantity * (units === undefined && quantity < MEBIBYTE ? MEBIBYTE : unitBytes);
  if (bytes < MEBIBYTE || !Number.isSafeInteger(bytes)) refuse('it gives no valid amount of memory');
  return bytes;
}
