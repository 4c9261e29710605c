import type { DomainSource } from '../../src/domain/domain-source.ts';
import { blockingChecks, checkLine } from '../../src/guest/contract/boot-check.ts';
import { checkBoot } from '../../src/guest/contract/check-boot.ts';
import { diskReader } from '../../src/guest/contract/read-disk.ts';
import type { GuestDisk } from '../../src/guest/guest.ts';
import { Guestfs } from '../../src/guest/guestfs.ts';
import { openGuest } from '../../src/guest/inspect/open-guest.ts';
import { guestAddressOf } from '../../src/operations/fix-guest/guest-address.ts';
import { targetHardware } from '../../src/operations/fix-guest/target-hardware.ts';
import type { Guest } from './guest-cache.ts';
import type { Judgement } from './matrix-stages.ts';
import { diskDigits, type GuestRecipe } from './recipe.ts';

const CONTROLLERS = { pvscsi: 'pvscsi', mptsas1068: 'lsilogicsas', ahci: 'sata', nvme: 'nvme' } as const;
const CONTROLLER_SLOT = 160;

/**
 * Returns the boot contract's verdict on an unchanged guest, on the virtio hardware of its domain. `--fix-plan` reports
 * the same verdict, but takes minutes.
 */
export async function judgeGuest(
  { recipe, disks: images }: Guest,
  env: Record<string, string>,
  keyFile: string | undefined,
): Promise<Judgement> {
  const machine = machineOf(recipe);
  const controller = { kind: CONTROLLERS[recipe.controller], address: 0, pciSlotNumber: CONTROLLER_SLOT };
  const disks = recipe.disks.map((disk, index): GuestDisk => {
    const address = guestAddressOf({ controller, unitNumber: disk.scsiUnit });
    const path = images[index] ?? '';
    return { path, format: 'qcow2', address, uuid: machine.disks[index]?.serial };
  });
  const { signal } = new AbortController();
  const onWarning = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
  const options = { disks, readOnly: true, signal, env: { ...process.env, ...env }, onWarning };
  await using session = await Guestfs.start(options);
  const keys = keyFile === undefined ? [] : [{ device: 'all', keyFile }];
  const opened = await openGuest(session, { disks, nics: machine.nics, keys, root: undefined });
  const hardware = targetHardware(machine, disks.length, 'auto');
  const readLabel = (path: string): Promise<string | undefined> => opened.files.label(path);
  const report = await checkBoot({ ...opened, hardware, readDisk: diskReader(session), readLabel });
  return { verdict: report.verdict, reasons: blockingChecks(report).map(checkLine) };
}

/** Returns the VM configuration that the program reads from the package of a guest. */
function machineOf({ name, firmware, controller, disks, networkAdapters }: GuestRecipe): DomainSource {
  const nics = networkAdapters.map(({ model, macAddress, pciSlotNumber }) => ({
    mac: macAddress,
    model,
    network: 'VM Network',
    pciSlotNumber,
  }));
  return {
    name,
    identity: name,
    architecture: 'x86_64',
    uuid: undefined,
    guestId: 'debian12_64Guest',
    memoryBytes: 2 ** 30,
    vcpus: 1,
    coresPerSocket: 1,
    firmware: firmware === undefined ? 'bios' : 'uefi',
    secureBoot: firmware === 'uefi-secure-boot',
    tpm: false,
    disks: disks.map(({ uuid }, index) => ({
      controller: { kind: CONTROLLERS[controller], address: 0 },
      bootOrder: index === 0 ? 1 : undefined,
      serial: uuid === undefined ? undefined : diskDigits(uuid),
    })),
    nics: nics.toSorted((one, other) => one.pciSlotNumber - other.pciSlotNumber),
    cdRoms: 0,
  };
}
