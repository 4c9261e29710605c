import { expect, test } from '@jest/globals';
import { chooseGlyphs } from '../../../src/cli/screen/lines/glyphs.ts';
import { TotalsLine } from '../../../src/cli/screen/lines/totals-line.ts';
import { plainPaint } from '../../../src/cli/text/color.ts';
import type { RunTotals } from '../../../src/operations/export/types.ts';
import { GIB } from './export-events.ts';

const TOTALS: RunTotals = {
  vms: 5,
  exported: 2,
  skipped: 0,
  failed: 0,
  capacityBytes: 3 * GIB,
  coveredBytes: 0,
  receivedBytes: 0,
  percent: 0,
};

/** The line ten seconds after the totals of `before`. */
function lineOf(totals: Partial<RunTotals>, { width = 77, lang = 'C.UTF-8' } = {}): string {
  const line = new TotalsLine(0);
  line.take(TOTALS, 81_000);
  line.take({ ...TOTALS, coveredBytes: 1.2 * GIB, receivedBytes: 0.15 * GIB, percent: 40, ...totals }, 91_000);
  return line.text({ width, nowMs: 91_000, glyphs: chooseGlyphs({ LANG: lang }), paint: plainPaint });
}

test('the line has VMs, share, bytes, rate, time left and time passed', () => {
  expect(lineOf({})).toBe('2/5 VMs · 40% · 1.2/3.0 GiB · 15.4 MiB/s · ETA 15s · 1m31s');
  expect(lineOf({ failed: 1 }, { width: 117 })).toBe(
    '3/5 VMs · 1 failed · 40% · 1.2/3.0 GiB · 15.4 MiB/s · ETA 15s · 1m31s',
  );
  expect(lineOf({ coveredBytes: GIB / 2 })).toContain(' · 512 MiB/3.0 GiB · ');
});

test('a narrow line leaves out bytes, then the time passed, then the rate', () => {
  expect(lineOf({}, { width: 50 })).toBe('2/5 VMs · 40% · 15.4 MiB/s · ETA 15s · 1m31s');
  expect(lineOf({}, { width: 37 })).toBe('2/5 VMs · 40% · 15.4 MiB/s · ETA 15s');
  expect(lineOf({ failed: 1 }, { width: 37 })).toBe('3/5 VMs · 1 failed · 40% · ETA 15s');
  expect(lineOf({}, { width: 10 })).toBe('2/5 VMs');
});

test('a locale without UTF-8 gets ASCII, and one VM has no count', () => {
  expect(lineOf({}, { lang: 'C' })).toMatch(/^[ -~]+$/);
  expect(lineOf({ vms: 1 })).toBe('40% · 1.2/3.0 GiB · 15.4 MiB/s · ETA 15s · 1m31s');
});

test('nothing is promised before sizes and rates are known', () => {
  const line = new TotalsLine(0);
  const context = { width: 77, nowMs: 2000, glyphs: chooseGlyphs({}), paint: plainPaint };
  expect(line.text(context)).toBe('');
  const { percent: _, ...unknown } = { ...TOTALS, capacityBytes: 0 };
  line.take(unknown, 2000);
  expect(line.text(context)).toBe('2/5 VMs | 2s');
});
