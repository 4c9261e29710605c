import { expect, test } from '@jest/globals';
import { equivalentCommand, wordFor } from '../../../src/cli/prompt/equivalent-command.ts';
import { notOff, powerChoices, powerQuestion } from '../../../src/cli/prompt/power-question.ts';
import { afterKey, matchingVms, pickerLines, tableOf, type PickerState } from '../../../src/cli/prompt/vm-picker.ts';
import { chooseGlyphs } from '../../../src/cli/screen/lines/glyphs.ts';
import { plainPaint } from '../../../src/cli/text/color.ts';
import { textWidth } from '../../../src/cli/text/text-width.ts';
import type { ListedVm } from '../../../src/operations/list/list-types.ts';

const GIB = 1024 ** 3;

function vm(name: string, moRef: string, more: Partial<ListedVm> = {}): ListedVm {
  return {
    name,
    inventoryPath: `/DC0/vm/${name}`,
    moRef,
    powerState: 'poweredOff',
    template: false,
    guest: 'Debian GNU/Linux 12 (64-bit)',
    disks: [{ label: 'Hard disk 1', capacityBytes: 40 * GIB }],
    cpus: 2,
    memoryBytes: GIB,
    unreadable: false,
    usedBytes: 12 * GIB,
    datastores: ['ds'],
    host: 'esx',
    folder: '/DC0/vm',
    instanceUuid: '',
    biosUuid: '',
    managedBy: '',
    ...more,
  };
}

const VMS = [
  ...Array.from({ length: 60 }, (_, index) => vm(`app-${index}`, `vm-${index}`)),
  vm('a very long name of a VM that fits no terminal\u001b[31m', 'vm-90', { powerState: 'poweredOn' }),
  vm('db', 'vm-91', { powerState: 'suspended', guest: 'Oracle Linux 9' }),
  vm('db', 'vm-92', { inventoryPath: '/DC1/vm/db', folder: '/DC1/vm' }),
];
const START: PickerState = { filter: '', active: 0, chosen: new Set() };

test.each([40, 80, 120])('the list of VMs fits a terminal of %d columns and 24 rows', (width) => {
  const labels = new Map(VMS.map(({ moRef, name }) => [moRef, name]));
  const look = { width, height: 24, glyphs: chooseGlyphs({ LANG: 'C' }), paint: plainPaint };
  const state = { filter: '', active: 61, chosen: new Set(['vm-3', 'vm-91']) };
  const lines = pickerLines('VMs to export:', VMS, tableOf(VMS, labels, look), state, look);
  expect(lines.length).toBeLessThan(24);
  expect(lines.map(textWidth).filter((each) => each >= width)).toEqual([]);
  expect(lines.join('\n')).not.toContain('\u001b');
  expect(lines.find((line) => line.startsWith('>'))).toMatch(/^> \[x\] db +suspended +40\.0 GiB/);
  expect(lines.at(-2)).toContain('63 VMs | 2 chosen, 80.0 GiB');
});

test('typing filters by name, path, guest and power state, in any case', () => {
  const names = (filter: string) => matchingVms(VMS, filter).map(({ moRef }) => moRef);
  expect(names('APP-5')).toHaveLength(11);
  expect(names('oracle')).toEqual(['vm-91']);
  expect(names('dc1')).toEqual(['vm-92']);
  expect(names('suspended')).toEqual(['vm-91']);
  expect(names('nothing')).toEqual([]);
});

test('keys move, mark one or all that match, and clear the filter', () => {
  const matching = matchingVms(VMS, 'db');
  const key = (name: string, state: PickerState, ctrl = false) => afterKey({ name, ctrl }, state, matching, 10);
  expect(key('up', START)?.active).toBe(1);
  expect(key('down', { ...START, active: 1 })?.active).toBe(0);
  const marked = key('space', START);
  expect([...(marked?.chosen ?? [])]).toEqual(['vm-91']);
  expect(key('space', marked ?? START)?.chosen.size).toBe(0);
  expect([...(key('a', { ...START, chosen: new Set(['vm-3']) }, true)?.chosen ?? [])]).toEqual([
    'vm-3',
    'vm-91',
    'vm-92',
  ]);
  expect(key('escape', { ...START, filter: 'db', active: 1 })).toEqual(START);
  expect(key('a', START)).toBeUndefined();
});

test('a VM is named by what names only it', () => {
  const all = [
    ...VMS,
    vm('*', 'vm-100', { inventoryPath: '/DC0/vm/*' }),
    vm('vm-7', 'vm-101'),
    vm('-f', 'vm-102'),
    vm('a/b', 'vm-103', { inventoryPath: '/DC0/vm/a%2fb' }),
  ];
  const words = ['vm-0', 'vm-91', 'vm-92', 'vm-100', 'vm-101', 'vm-102', 'vm-103'].map((moRef) => {
    const found = all.find((each) => each.moRef === moRef);
    return found && wordFor(found, all);
  });
  expect(words).toEqual(['app-0', '/DC0/vm/db', '/DC1/vm/db', 'vm-100', '/DC0/vm/vm-7', '/DC0/vm/-f', '/DC0/vm/a%2fb']);
});

test('the equivalent command line can be pasted into a shell', () => {
  const answers = { vms: ["it's"], flags: ['--url', 'vc.example.com', '--snapshot'] };
  expect(equivalentCommand('hyper2kvm export', ['--output=a b', '-f', '--name', 'x y'], answers)).toBe(
    String.raw`hyper2kvm export 'it'\''s' --output='a b' -f --name 'x y' --url vc.example.com --snapshot`,
  );
});

test('a suspended VM cannot be shut down', () => {
  const open = notOff(VMS);
  expect(open.map(({ moRef }) => moRef)).toEqual(['vm-90', 'vm-91']);
  expect(powerQuestion(open.slice(1), 1)).toBe('db is suspended:');
  expect(powerQuestion(open, 3)).toMatch(/^2 of 3 VMs are not powered off \(a very long .*\\x1b\[31m, db\):$/);
  expect(powerChoices(open).map(({ value }) => value?.words)).toEqual([['--snapshot'], undefined]);
  expect(powerChoices(open.slice(0, 1)).map(({ value }) => value?.flags)).toEqual([
    { snapshot: true },
    { shutdown: '5' },
    { shutdown: '5', restart: true },
    undefined,
  ]);
});
