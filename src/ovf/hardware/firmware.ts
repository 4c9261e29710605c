import { clockOffsetIn, type VmConfig } from '../../base/vm-config.ts';
import type { OvfElement } from '../descriptor/envelope.ts';
import { RESOURCE, type OvfItem } from '../descriptor/items.ts';
import { wholeNumber } from '../descriptor/sections.ts';

/** oVirt's `BiosType`: 3 is Q35 with UEFI, 4 is Q35 with UEFI and secure boot. */
const OVIRT_UEFI = 3;
const OVIRT_SECURE_BOOT = 4;

/**
 * OVF has no field for the firmware and the clock, so VMware, VirtualBox and oVirt each have an extension. `machine` is VirtualBox's
 * element. The default is BIOS.
 */
export function readFirmware(
  system: OvfElement,
  hardware: OvfElement | undefined,
  machine: OvfElement | undefined,
  items: readonly OvfItem[],
): Pick<VmConfig, 'firmware' | 'secureBoot' | 'tpm' | 'clockOffsetSeconds'> {
  const vmware = vmwareSettings(hardware);
  const virtualBox = machine?.children('Hardware')[0];
  const ovirt = wholeNumber(system.children('BiosType')[0]?.text()) ?? 0;
  const secureBoot = vmware.get('bootoptions.efisecurebootenabled') === 'true' || ovirt === OVIRT_SECURE_BOOT;
  const isUefi =
    vmware.get('firmware') === 'efi' ||
    /^efi/i.test(virtualBox?.children('Firmware')[0]?.attribute('type', 'vbox') ?? '') ||
    ovirt >= OVIRT_UEFI;
  const virtualBoxTpm = virtualBox?.children('TrustedPlatformModule')[0]?.attribute('type', 'vbox') ?? 'None';
  const tpm = items.some(isTpm) || !/^none$/i.test(virtualBoxTpm);
  const clockOffsetSeconds = clockOffsetIn(vmware.get('rtc.difffromutc'));
  const common = { tpm, clockOffsetSeconds };
  return isUefi ? { firmware: 'uefi', secureBoot, ...common } : { firmware: 'bios', secureBoot: false, ...common };
}

/** vSphere 8 and Workstation write a placeholder, for a new TPM that is created at deployment. */
function isTpm({ resourceType, subType }: OvfItem): boolean {
  return resourceType === RESOURCE.other && subType === 'vmware.vtpm';
}

/**
 * `vmw:Config` contains the settings of the server, `vmw:ExtraConfig` those of the `.vmx` file. The former take
 * precedence. Values are returned in lower case.
 */
function vmwareSettings(hardware: OvfElement | undefined): Map<string, string> {
  const elements = ['ExtraConfig', 'Config'].flatMap((name) => hardware?.children(name, 'vmw') ?? []);
  return new Map(
    elements.map((element) => [
      (element.attribute('key', 'vmw') ?? '').toLowerCase(),
      (element.attribute('value', 'vmw') ?? '').toLowerCase(),
    ]),
  );
}
