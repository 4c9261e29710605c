import { expect, test } from '@jest/globals';
import { chooseHardware, type HardwareQuestion } from '../../src/domain/hardware-choice.ts';
import { devicesIn } from '../../src/domain/libvirt/host-devices.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { disksOn, sampleMachine } from './sample-machines.ts';

const ALL = new Set(['pvscsi', 'mptsas1068', 'ich9-ahci', 'piix3-ide', 'vmxnet3', 'e1000', 'e1000e', 'pcnet']);

function choose(changes: Partial<HardwareQuestion>) {
  return chooseHardware({
    wanted: 'auto',
    virtioSupport: 'unknown',
    machine: sampleMachine(),
    devices: ALL,
    ...changes,
  });
}

test.each(['virtio', 'source', 'sata'] as const)('%s is what it is when it is asked for', (wanted) => {
  for (const virtioSupport of ['supported', 'unsupported', 'unknown'] as const) {
    expect(choose({ wanted, virtioSupport, devices: undefined })).toEqual({
      kind: wanted,
      reason: `--hardware ${wanted} asks for it.`,
    });
  }
});

test('a guest that is fit gets virtio', () => {
  expect(choose({ virtioSupport: 'supported' })).toEqual({
    kind: 'virtio',
    reason: expect.stringMatching(/virtio\.$/),
  });
});

test.each(['unsupported', 'unknown'] as const)(
  'a guest that is %s keeps its devices where QEMU has them',
  (virtioSupport) => {
    expect(choose({ virtioSupport })).toMatchObject({ kind: 'source' });
  },
);

test('the reason tells a guest that is unfit from one that nobody looked at', () => {
  expect(choose({ virtioSupport: 'unsupported' }).reason).toMatch(/^The guest cannot/);
  expect(choose({ virtioSupport: 'unknown' }).reason).toMatch(/^Virtio support was not checked/);
});

test.each([
  ['no QEMU here', { devices: undefined }, /no QEMU is installed/],
  ['a QEMU without the controller', { devices: new Set(['vmxnet3']) }, /no pvscsi/],
  ['a QEMU without the card', { devices: new Set(['pvscsi']) }, /no vmxnet3/],
  ['a controller that is only near', { machine: sampleMachine({ disks: disksOn('lsilogic') }) }, /LSI Logic Parallel/],
  ['a controller that QEMU has not', { machine: sampleMachine({ disks: disksOn('pvscsi', 'buslogic') }) }, /BusLogic/],
  ['a controller that is not specified', { machine: sampleMachine({ disks: disksOn(undefined) }) }, /does not specify/],
  [
    'a controller that UEFI may not know',
    { machine: sampleMachine({ firmware: 'uefi' }) },
    /the UEFI firmware of many hosts finds no disk on a VMware Paravirtual controller/,
  ],
  [
    'a card that QEMU has not',
    { machine: sampleMachine({ nics: [{ mac: undefined, model: 'vmxnet2', network: undefined }] }) },
    /vmxnet2/,
  ],
  [
    'a card that is not told',
    { machine: sampleMachine({ nics: [{ mac: undefined, model: '', network: undefined }] }) },
    /models of its NICs/,
  ],
] as [string, Partial<HardwareQuestion>, RegExp][])(
  'with %s it is SATA, and the reason names that',
  (_what, changes, reason) => {
    expect(choose(changes)).toEqual({ kind: 'sata', reason: expect.stringMatching(reason) });
  },
);

testWithOracle('qemu-system-x86_64', 'QEMU knows every device by the name that is asked for', async (paths) => {
  const devices = devicesIn(await outputOf(paths['qemu-system-x86_64'], ['-device', 'help']));
  const needed = [...ALL, 'lsi53c895a', 'virtio-scsi-pci', 'virtio-blk-pci', 'virtio-net-pci', 'rtl8139', 'tpm-crb'];
  expect(needed.filter((device) => !devices.has(device))).toEqual([]);
});
