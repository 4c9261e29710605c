import type { OvfElement } from '../descriptor/envelope.ts';

/** The instance IDs of the devices that VMware boots from, in order (`vmw:BootOrderSection`); empty when it is left to the firmware. */
export function readBootOrder(system: OvfElement): string[] {
  return system
    .children('BootOrderSection', 'vmw')
    .flatMap((section) => section.attribute('instanceId', 'vmw') ?? [])
    .slice(0, 100)
    .map((id) => id.trim());
}
