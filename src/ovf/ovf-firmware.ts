import type { OvfElement } from './ovf-envelope.ts';
import { wholeNumber } from './ovf-sections.ts';

export interface OvfFirmware {
  firmware: 'bios' | 'uefi';
  secureBoot: boolean;
}

/** oVirt's `BiosType`: 3 is Q35 with UEFI, 4 the same with secure boot. */
const OVIRT_UEFI = 3;
const OVIRT_SECURE_BOOT = 4;

/** OVF has no field for it; each of the three says it in its own way. `machine` is VirtualBox's own element. Silence means BIOS. */
export function readFirmware(
  system: OvfElement,
  hardware: OvfElement | undefined,
  machine: OvfElement | undefined,
): OvfFirmware {
  const vmware = vmwareSettings(hardware);
  const virtualBox = machine?.children('Hardware')[0]?.children('Firmware')[0]?.attribute('type', 'vbox');
  const ovirt = wholeNumber(system.children('BiosType')[0]?.text()) ?? 0;
  const secureBoot = vmware.get('bootoptions.efisecurebootenabled') === 'true' || ovirt === OVIRT_SECURE_BOOT;
  const isUefi = vmware.get('firmware') === 'efi' || /^efi/i.test(virtualBox ?? '') || ovirt >= OVIRT_UEFI;
  return isUefi ? { firmware: 'uefi', secureBoot } : { firmware: 'bios', secureBoot: false };
}

/** `vmw:Config` is what the server knows, `vmw:ExtraConfig` what stands in the machine's `.vmx`; the first counts. Lower case. */
function vmwareSettings(hardware: OvfElement | undefined): Map<string, string> {
  const elements = ['ExtraConfig', 'Config'].flatMap((name) => hardware?.children(name, 'vmw') ?? []);
  return new Map(
    elements.map((element) => [
      (element.attribute('key', 'vmw') ?? '').toLowerCase(),
      (element.attribute('value', 'vmw') ?? '').toLowerCase(),
    ]),
  );
}
