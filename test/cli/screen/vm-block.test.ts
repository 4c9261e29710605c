import { expect, test } from '@jest/globals';
import cliProgress from 'cli-progress';
import { applyEvent, unnamedProgress, type VmProgress } from '../../../src/cli/screen/export-progress.ts';
import { chooseGlyphs } from '../../../src/cli/screen/lines/glyphs.ts';
import { vmBlock } from '../../../src/cli/screen/lines/vm-block.ts';
import { plainPaint } from '../../../src/cli/text/color.ts';
import { textWidth } from '../../../src/cli/text/text-width.ts';
import type { ExportEvent } from '../../../src/operations/export/types.ts';
import { DISK, GIB, VM, diskProgress, diskStarted, vmStarted } from './export-events.ts';

const SECOND_DISK = 'web-01-disk-2.vmdk';

function stateAfter(events: readonly (ExportEvent | number)[]): { state: VmProgress; nowMs: number } {
  let nowMs = 0;
  let state = unnamedProgress('', nowMs);
  for (const event of events) {
    if (typeof event === 'number') nowMs += event;
    else state = applyEvent(state, event, nowMs);
  }
  return { state, nowMs };
}

function draw(events: readonly (ExportEvent | number)[], { width = 77, height = 20, lang = 'C.UTF-8' } = {}): string[] {
  const { state, nowMs } = stateAfter(events);
  return vmBlock(state, {
    width,
    height,
    nowMs,
    glyphs: chooseGlyphs({ LANG: lang }),
    format: cliProgress.Format,
    paint: plainPaint,
  });
}

/** Two seconds after the start, with a quarter of the first disk downloaded. */
const RUNNING: (ExportEvent | number)[] = [
  vmStarted(),
  { type: 'step', vm: VM, step: 'download', detail: 'Downloading 2 files' },
  { type: 'disks', vm: VM, disks: [DISK, SECOND_DISK].map((disk) => ({ disk, capacityBytes: 10 * GIB })) },
  diskStarted(),
  2000,
  diskProgress(GIB, 2.5 * GIB),
];

test('at 80 columns a disk shows bar, share of capacity, bytes, rate and time left', () => {
  expect(draw(RUNNING)).toEqual([
    '⠋ Downloading 2 files',
    'web-01-disk-1.vmdk  ████░░░░░░░░░░   25%    1.0 GiB   512 MiB/s       6s left',
    'web-01-disk-2.vmdk  waiting, 10.0 GiB',
  ]);
});

test('at 40 columns the share and the time left remain, and names lose the VM they belong to', () => {
  expect(draw(RUNNING, { width: 37 })).toEqual([
    '⠋ Downloading 2 files',
    'disk-1  ██░░░░░░░   25%       6s left',
    'disk-2  waiting, 10.0 GiB',
  ]);
});

test('a locale without UTF-8 gets ASCII', () => {
  expect(draw(RUNNING, { lang: 'C' }).join('\n')).toMatch(/^[\x20-\x7e\n]*$/);
});

test('no line is wider than its columns, whatever they are', () => {
  const events: (ExportEvent | number)[] = [
    ...RUNNING,
    {
      type: 'warning',
      vm: VM,
      message: 'A warning that is quite a bit longer than what fits on a line of a narrow terminal.',
    },
    { type: 'disk-retry', vm: VM, disk: SECOND_DISK, attempt: 1, attempts: 6, waitMs: 9000, reason: 'reset by 数据库' },
    diskStarted('数据库数据库数据库数据库-disk-3.vmdk'),
  ];
  for (let width = 10; width <= 200; width += 1) {
    for (const line of draw(events, { width })) expect(textWidth(line)).toBeLessThanOrEqual(width);
  }
});

test('retries and kept disks are visible', () => {
  const lines = draw([
    ...RUNNING,
    { type: 'disk-retry', vm: VM, disk: DISK, attempt: 2, attempts: 6, waitMs: 4000, reason: 'connection reset' },
    { type: 'disk-kept', vm: VM, disk: SECOND_DISK, sizeBytes: GIB, sha256: '' },
  ]);
  expect(lines[1]).toBe('web-01-disk-1.vmdk  ↻ try 2 of 6 failed, next in 4s: connection reset');
  expect(lines[2]).toBe('web-01-disk-2.vmdk  ✔ 1.0 GiB kept from an earlier run');
});

test('a new try begins with an empty bar and without the old rate', () => {
  expect(draw([...RUNNING, 1000, diskStarted(DISK, 2)])[1]).toBe('web-01-disk-1.vmdk  ░░░░░░░░░░░░░░    0%        0 B');
});

test('the rate falls and the time left vanishes when nothing comes any more', () => {
  const stalled = draw([...RUNNING, 4000, diskProgress(GIB, 2.5 * GIB), 60_000])[1];
  expect(stalled).toContain('0 B/s');
  expect(stalled).not.toContain('left');
});

test('only a whole disk is at 100 per cent', () => {
  expect(draw([...RUNNING, diskProgress(3 * GIB, 10 * GIB)])[1]).toContain(' 99%');
});

test('more disks than rows: those in flight stay, the others are counted', () => {
  const disks = Array.from({ length: 30 }, (_, i) => ({ disk: `web-01-disk-${i + 1}.vmdk`, capacityBytes: GIB }));
  const lines = draw([vmStarted(), { type: 'disks', vm: VM, disks }, diskStarted('web-01-disk-30.vmdk')], {
    height: 8,
  });
  expect(lines).toHaveLength(8);
  expect(lines[1]).toContain('web-01-disk-30.vmdk');
  expect(lines.at(-1)).toBe('24 more files: 24 waiting');
});
