import { expect } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPackage } from '../../src/ovf/read/open-package.ts';
import type { OvfFacts } from '../../src/ovf/hardware/ovf-facts.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { packGuest } from './ovf-package.ts';
import { biosBypath } from './recipes/bios-bypath.ts';
import { uefiXfs } from './recipes/uefi-xfs.ts';
import type { GuestRecipe } from './recipe.ts';

/** The system disk is not the first SCSI unit, and the first NIC is not in the first slot. */
const RECIPE: GuestRecipe = {
  ...biosBypath,
  name: 'two-disks-nics',
  disks: [
    { sizeMiB: 2048, scsiUnit: 1 },
    { sizeMiB: 64, scsiUnit: 0 },
  ],
  networkAdapters: [
    { model: 'vmxnet3', macAddress: '00:50:56:8a:07:01', pciSlotNumber: 224 },
    { model: 'e1000e', macAddress: '00:50:56:8a:07:02', pciSlotNumber: 192 },
  ],
};

/** Returns what the program reads from the package of a guest with empty disks. */
async function factsOf(recipe: GuestRecipe, qemuImg: string): Promise<OvfFacts> {
  const folder = await mkdtemp(join(tmpdir(), 'packed-'));
  try {
    const disks = recipe.disks.map((_disk, index) => join(folder, `${index}.qcow2`));
    for (const [index, disk] of recipe.disks.entries()) {
      await outputOf(qemuImg, ['create', '-q', '-f', 'qcow2', disks[index] ?? '', `${disk.sizeMiB}M`]);
    }
    const path = await packGuest({ recipe, disks }, join(folder, 'package'));
    return (await openPackage(path, AbortSignal.timeout(20_000))).facts;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

testWithOracle(
  'qemu-img',
  'a packed guest says what hardware it had: disks by unit, cards with their MAC addresses',
  async (paths) => {
    const facts = await factsOf(RECIPE, paths['qemu-img']);
    expect(facts).toMatchObject({ name: 'two-disks-nics', guestId: 'debian12_64Guest', memoryBytes: 2 ** 30 });
    expect(facts).toMatchObject({ firmware: 'bios' });
    expect(facts.nics.map(({ mac, model }) => [mac, model])).toEqual([
      ['00:50:56:8a:07:01', 'vmxnet3'],
      ['00:50:56:8a:07:02', 'e1000e'],
    ]);
    expect(facts.disks).toMatchObject([
      { capacityBytes: 64 * 2 ** 20, bootOrder: undefined },
      { capacityBytes: 2 ** 31, bootOrder: 1 },
    ]);
  },
);

testWithOracle(
  'qemu-img',
  'a packed disk has its UUID in its descriptor, and qemu-img still reads it',
  async (paths) => {
    const folder = await mkdtemp(join(tmpdir(), 'packed-'));
    try {
      const disk = join(folder, '0.qcow2');
      await outputOf(paths['qemu-img'], ['create', '-q', '-f', 'qcow2', disk, '64M']);
      const uuid = '6000C291-5a0e-4c1d-93b7-0c52e1d70901';
      const recipe = { ...biosBypath, disks: [{ sizeMiB: 64, scsiUnit: 0, uuid }] };
      await packGuest({ recipe, disks: [disk] }, join(folder, 'package'));
      const vmdk = join(folder, 'package', `${recipe.name}-disk1.vmdk`);
      expect((await readFile(vmdk)).toString('latin1')).toMatch(
        /\nddb\.[^\n]*\nddb\.uuid = "60 00 c2 91 5a 0e 4c 1d-93 b7 0c 52 e1 d7 09 01"\n\0/,
      );
      await outputOf(paths['qemu-img'], ['compare', '-f', 'vmdk', '-F', 'qcow2', vmdk, disk]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

testWithOracle('qemu-img', 'a packed guest with UEFI says so, and that its disk is SATA', async (paths) => {
  const facts = await factsOf(uefiXfs, paths['qemu-img']);
  expect(facts).toMatchObject({ firmware: 'uefi', disks: [{ controller: { kind: 'sata' } }] });
});
