import { expect, test } from '@jest/globals';
import { renderTable } from '../../../src/cli/text/table.ts';
import { cutMiddle, textWidth } from '../../../src/cli/text/text-width.ts';

const COLUMNS = [
  { header: 'PATH', cut: 'middle' as const },
  { header: 'SIZE', align: 'right' as const },
];
const LONG = '/DC0/vm/production/web/application-server-01';

test('a table without a width cuts nothing', () => {
  expect(renderTable(COLUMNS, [[LONG, '1 GiB']])).toEqual([
    `PATH${' '.repeat(LONG.length - 4)}   SIZE`,
    `${LONG}  1 GiB`,
  ]);
});

test('a table for a terminal cuts the widest column in the middle', () => {
  const lines = renderTable(
    COLUMNS,
    [
      [LONG, '1 GiB'],
      ['/short', '20 GiB'],
    ],
    30,
  );
  expect(lines).toEqual([
    'PATH                      SIZE',
    '/DC0/vm/pr…n-server-01   1 GiB',
    '/short                  20 GiB',
  ]);
  for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(30);
});

test('wide characters count two columns', () => {
  expect(textWidth('数据库')).toBe(6);
  expect(textWidth('e\u0301')).toBe(1);
  expect(textWidth('👩‍💻')).toBe(2);
  expect(textWidth('\u001b[32mok\u001b[39m')).toBe(2);
  expect(
    renderTable(COLUMNS, [
      ['数据库', '1'],
      ['abcdef', '2'],
    ])[1],
  ).toBe('数据库     1');
});

test('a cut name never gets wider than it may be, and keeps both ends', () => {
  for (let width = 1; width < 20; width += 1)
    expect(textWidth(cutMiddle('数据库数据库-disk-1.vmdk', width))).toBeLessThanOrEqual(width);
  expect(cutMiddle('application-disk-1.vmdk', 11)).toBe('appli….vmdk');
});

test('a cell cannot bring an escape sequence to the terminal', () => {
  expect(renderTable(COLUMNS, [['a\u001b[2Jb', '1']]).join('\n')).not.toContain('\u001b');
});

test('sentences in a last column are wrapped, not cut', () => {
  const columns = [{ header: 'CHECK' }, { header: 'FINDING', cut: 'wrap' as const }];
  expect(renderTable(columns, [['space', 'Two of the three disks do not fit.']], 24)).toEqual([
    'CHECK  FINDING',
    'space  Two of the three',
    '       disks do not fit.',
  ]);
});
