import { architectureOf } from '../../../domain/architecture.ts';
import type { FirmwareNeeds } from '../../../guest/boot/qemu/uefi-firmware.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import { readVmHardware, type VmHardware } from '../../../vsphere/vm/vm-hardware.ts';
import { checkBootTest } from '../../boot-test/boot-test.ts';
import { checkDefinable } from '../../domain/define-domain.ts';
import { obstacleOfGuest, requireForGuest } from '../../domain/foreign-guest.ts';
import { doubtAboutFix, requireFixable } from '../../fix-guest/fix-images.ts';
import { FORMATS } from '../target/formats.ts';
import type { ExportOptions, PreflightFinding } from '../types.ts';
import { namedVm, type FoundVm } from './find-vms.ts';
import { findingOf } from './findings.ts';

/** The options whose needs are checked. */
type HostNeeds = Pick<ExportOptions, 'guest' | 'hardware' | 'bootTest' | 'define' | 'force' | 'env'> & {
  encode: Pick<ExportOptions['encode'], 'format'>;
  /** The flag that asks for the boot test. */
  bootTestFlag?: string;
};

/** Checks, before hours of download, that this host has what the guest fix and the boot test need. */
export async function inspectHost(
  client: VsphereClient,
  found: FoundVm,
  options: HostNeeds,
  signal: AbortSignal,
): Promise<PreflightFinding[]> {
  const { encode, guest, bootTest, bootTestFlag = '--boot-test', define, force, env } = options;
  if (!FORMATS[encode.format].image) return [];
  const findings: PreflightFinding[] = [];
  const hardware = await readVmHardware(client, found.vm.ref, signal);
  const architecture = architectureOf(hardware);
  try {
    const request = { vm: found.label, architecture, hardware: options.hardware };
    requireForGuest({ ...request, hasDomain: true, bootTest: bootTest ? bootTestFlag : undefined });
    requireFixable(guest, { obstacle: obstacleOfGuest(architecture), env });
  } catch (error) {
    findings.push(findingOf('fix', error));
  }
  const doubt = doubtAboutFix(guest, hardware.guestId);
  if (doubt !== undefined) findings.push({ level: 'warning', check: 'fix', detail: doubt });
  const check = async (what: string, look: () => Promise<unknown>): Promise<void> => {
    try {
      await look();
    } catch (error) {
      findings.push(findingOf(what, error));
    }
  };
  if (bootTest) await check('boot test', () => checkBootTest(env, firmwareNeeds(hardware)));
  const machine = { ...namedVm(found), uuid: hardware.uuid };
  if (define !== undefined) await check('libvirt', () => checkDefinable({ uri: define, env }, machine, force, signal));
  return findings;
}

function firmwareNeeds({ firmware, secureBoot }: VmHardware): FirmwareNeeds | undefined {
  return firmware === 'uefi' ? { machine: 'q35', secureBoot } : undefined;
}
