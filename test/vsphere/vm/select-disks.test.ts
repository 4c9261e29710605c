import { expect, test } from '@jest/globals';
import { decodeVmFacts } from '../../../src/vsphere/vm/vm-facts.ts';
import { numbersOf, selectDisks, selectedInSnapshot } from '../../../src/vsphere/vm/select-disks.ts';
import { parseXml } from '../../../src/vsphere/soap/xml-element.ts';

/** A VM with one disk for each label, on the units of one controller. */
function factsOf(...labels: string[]): ReturnType<typeof decodeVmFacts> {
  const disks = labels.map(
    (label, unit) =>
      `<device type="VirtualDisk"><key>${2000 + unit}</key><deviceInfo><label>${label}</label></deviceInfo><controllerKey>1000</controllerKey><unitNumber>${unit}</unitNumber><capacityInBytes>1048576</capacityInBytes></device>`,
  );
  const controller = '<device type="ParaVirtualSCSIController"><key>1000</key><busNumber>0</busNumber></device>';
  const devices = parseXml(`<val>${disks.toReversed().join('')}${controller}</val>`, 'test');
  const ref = { type: 'VirtualMachine', value: 'vm-1' };
  return decodeVmFacts({ ref, properties: new Map([['config.hardware.device', devices]]), missing: new Map() });
}

const THREE = factsOf('Hard disk 1', 'Hard disk 2', 'Hard disk 3');

test('a label is known in any case, and a disk keeps its number', () => {
  const selected = selectDisks('web', THREE, { kind: 'only', words: ['HARD DISK 3', '1'] });
  expect(selected.disks.map(({ label }) => label)).toEqual(['Hard disk 1', 'Hard disk 3']);
  expect(selected.leftOut.map(({ label }) => label)).toEqual(['Hard disk 2']);
  expect(numbersOf(selected.disks, selected)).toEqual([1, 3]);
});

test('a label of two disks selects none of them', () => {
  const twins = factsOf('data', 'data', 'system');
  expect(() => selectDisks('web', twins, { kind: 'except', words: ['data'] })).toThrow(
    '--exclude-disk "data" matches 2 disks of web. Use the number of the disk.',
  );
  expect(selectDisks('web', twins, { kind: 'except', words: ['2'] }).disks).toHaveLength(2);
});

test('a VM without disks has none to select', () => {
  expect(() => selectDisks('web', factsOf(), { kind: 'only', words: ['1'] })).toThrow(
    expect.objectContaining({ kind: 'usage', hint: 'web has no disks.' }),
  );
});

test('a choice is refused for a snapshot that has other disks than the VM', () => {
  const now = selectDisks('web', factsOf('Hard disk 1', 'Hard disk 2'), { kind: 'except', words: ['2'] });
  const refusal = /cannot be used with this snapshot: it has other disks than the VM has now/;
  expect(() => selectedInSnapshot(THREE.disks, now)).toThrow(refusal);
  expect(() => selectedInSnapshot(THREE.disks.slice(1, 2), now)).toThrow(refusal);
  // A snapshot does not contain independent disks.
  const inSnapshot = selectedInSnapshot(THREE.disks.slice(0, 1), now);
  expect(inSnapshot.map(({ label }) => label)).toEqual(['Hard disk 1']);
  const all = selectDisks('web', factsOf('Hard disk 1'), undefined);
  expect(numbersOf(selectedInSnapshot(THREE.disks, all), all)).toEqual([1, 2, 3]);
});
