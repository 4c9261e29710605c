import { expect, test } from '@jest/globals';
import type { FixResult, MatrixBoot } from './matrix-stages.ts';
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

/** The cells of the only guest, by the titles of their columns. */
function cellsOf(row: MatrixRow): string[] {
  return (
    matrixReport([['one', row]])
      .split('\n')[2]
      ?.split(' | ') ?? []
  );
}

test('what was not measured is said to be so', () => {
  expect(cellsOf({}).filter((cell) => cell.startsWith('not run'))).toHaveLength(8);
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

test('a plan that changed something stands out, and virt-v2v’s error stands where its time would', () => {
  expect(cellsOf({ plan: { changes: 3, changedNothing: false } })).toContain('3 changes, **changed something**');
  const cells = cellsOf({ 'virt-v2v': { seconds: 9, error: 'mount_stub: a|b', boot: undefined } });
  expect(cells.slice(-2)).toEqual(['mount_stub: a\\|b', '– |']);
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

test('what a guest found after the fix is compared with its first boot', () => {
  const after = (boot: MatrixBoot): FixResult => ({
    convertSeconds: 9,
    hardware: 'virtio',
    bootTest: { verdict: 'booted', networkUp: true, seconds: 9 },
    sourceUnchanged: true,
    boot,
  });
  expect(matrixReport([['one', { vmware: UP, after: after(UP) }]])).toMatch(/^- `one` .* nothing differs\.$/m);
  const emergency = { ...UP, report: { ...UP.report, failedUnits: ['srv.mount'] } };
  expect(matrixReport([['one', { vmware: UP, after: after(emergency) }]])).toMatch(
    /`failed units: srv.mount, was none`/,
  );
});
