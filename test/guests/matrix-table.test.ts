import { expect, test } from '@jest/globals';
import type { FixResult, MatrixBoot, PlanResult } from './matrix-stages.ts';
import { matrixReport, type MatrixRow } from './matrix-table.ts';

const UP = {
  boots: true,
  cards: { ens192: 'up' },
  networkKept: true,
  report: {
    nics: {
      '00:50:56:8a:01:01': { name: 'ens192', state: 'up', addresses: ['10.0.2.15/24'], gateways: ['10.0.2.2:answers'] },
    },
    mounts: { '/': 'ext4 6d0c /' },
    failedUnits: [],
  },
  sign: 'guest-ready ens192=up kernel=6.1.0',
  seconds: 61.4,
};

const READY = { verdict: 'ready', reasons: [] } as const;
const LOST = { verdict: 'not-ready', reasons: ['/etc/fstab:1: /dev/sda1 is not there.', 'more'] } as const;

function plan(facts: Partial<PlanResult>): PlanResult {
  return { changes: 3, changedNothing: true, before: READY, after: READY, ...facts } as PlanResult;
}

function after(boot: MatrixBoot): FixResult {
  return {
    convertSeconds: 9,
    hardware: 'virtio',
    contract: { verdict: 'ready', reasons: [] },
    bootTest: { verdict: 'booted', networkUp: true, seconds: 9 },
    sourceUnchanged: true,
    boot,
  };
}

/** Returns the cells of the only guest, by column title. */
function cellsOf(row: MatrixRow): string[] {
  return (
    matrixReport([['one', row]])
      .split('\n')[2]
      ?.split(' | ') ?? []
  );
}

test('what was not measured is said to be so', () => {
  expect(cellsOf({}).filter((cell) => cell.startsWith('not run'))).toHaveLength(11);
});

test('a boot tells its cards, its failure, or that it said nothing', () => {
  expect(cellsOf({ before: UP })).toContain('boots, ens192 up, 61 s');
  expect(cellsOf({ before: { ...UP, boots: false, sign: '(initramfs) ' } })).toContain('no: `(initramfs)`, 61 s');
  expect(cellsOf({ before: { ...UP, boots: false, sign: undefined } })[2]).toMatch(/nothing until the time was over/);
});

test('a card that is up by another name is not taken for the old one', () => {
  const renamed = { ...UP, cards: { enp2s0: 'up' }, networkKept: false };
  expect(cellsOf({ before: renamed })).toContain('boots, enp2s0 up (not as on VMware), 61 s');
  expect(cellsOf({ before: { ...renamed, cards: { enp2s0: 'down' } } })).toContain('boots, enp2s0 down, 61 s');
});

test('a plan that changed something stands out', () => {
  expect(cellsOf({ plan: plan({ changedNothing: false }) })).toContain('3 changes, **changed something**');
});

test('the contract of a plan has its verdicts and the first reason', () => {
  const cells = cellsOf({ plan: plan({ before: { ...LOST, reasons: [...LOST.reasons] } }) });
  expect(cells).toContain('not ready: `/etc/fstab:1: /dev/sda1 is not there.` and 1 more');
  expect(cells).toContain('ready');
});

test('virt-v2v has a table of its own, with its error in place of its time', () => {
  const peer = { seconds: 9, error: 'mount_stub: a|b', boot: undefined };
  expect(matrixReport([['one', { 'virt-v2v': peer }]])).toMatch(/^\| `one` \| mount_stub: a\\\|b \| – \|$/m);
});

test('a comparison tells each file and the rest of the disk', () => {
  const compare = { changedFiles: ['+ /etc/new.link'], sameOutsideRoot: true };
  expect(matrixReport([['one', { compare }]])).toMatch(
    /^- `one` after the fix: .*: `\+ \/etc\/new\.link`; .* the same to the byte\.$/m,
  );
  expect(matrixReport([['one', { compare: { changedFiles: [], sameOutsideRoot: false } }]])).toMatch(
    /source: none; .*\*\*not the same\*\*/,
  );
});

test('what a guest found after the fix is compared with its first boot, and with the verdict', () => {
  expect(cellsOf({ vmware: UP, after: after(UP) })).toEqual(expect.arrayContaining(['none', 'yes']));
  const emergency = { ...UP, report: { ...UP.report, failedUnits: ['srv.mount'] } };
  expect(cellsOf({ vmware: UP, after: after(emergency) })).toEqual(
    expect.arrayContaining(['`failed units: srv.mount, was none`', '**no**']),
  );
});

test('a guest that was refused has its reason, and no boot', () => {
  const cells = cellsOf({ vmware: UP, after: { refused: { ...LOST, reasons: [...LOST.reasons] } } });
  expect(cells).toContain('not ready: `/etc/fstab:1: /dev/sda1 is not there.` and 1 more');
  expect(cells.filter((cell) => cell === 'refused')).toHaveLength(3);
});
