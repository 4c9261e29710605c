import { expect, test } from '@jest/globals';
import { COLUMN_NAMES } from '../../../src/cli/report/inventory-columns.ts';
import { inventoryCsv, inventoryReport, sortedBy } from '../../../src/cli/report/inventory-report.ts';
import { plainPaint } from '../../../src/cli/text/color.ts';
import { textWidth } from '../../../src/cli/text/text-width.ts';
import type { ListedVm } from '../../../src/operations/list/list-types.ts';

const GIB = 2 ** 30;
const WEB: ListedVm = {
  name: 'web-01',
  inventoryPath: '/DC0/vm/web-01',
  folder: '/DC0/vm',
  moRef: 'vm-42',
  powerState: 'poweredOn',
  template: false,
  guest: 'Debian GNU/Linux 12 (64-bit)',
  disks: [{ label: 'Hard disk 1', capacityBytes: 10 * GIB }],
  usedBytes: 3 * GIB,
  datastores: ['ssd', 'nfs, "slow"'],
  host: 'esx-1',
  instanceUuid: '5000',
  biosUuid: '',
  cpus: 2,
  memoryBytes: 4 * GIB,
  unreadable: false,
  managedBy: '',
};
const DB: ListedVm = {
  ...WEB,
  name: 'db',
  inventoryPath: '/DC0/vm/production/db',
  powerState: 'poweredOff',
  usedBytes: 8 * GIB,
  datastores: ['ssd'],
};
const SECRET: ListedVm = {
  ...WEB,
  name: 'secret',
  inventoryPath: '/DC0/vm/secret',
  unreadable: true,
  powerState: '',
  disks: [],
  usedBytes: null,
};
const look = (width: number | undefined) => ({ width, paint: plainPaint });

test('the table has as many columns as fit, and ends with the totals', () => {
  const lines = inventoryReport([WEB, DB], { columns: undefined, look: look(undefined) });
  expect(lines[0]).toBe(
    'PATH                   POWER  GUEST                         DISKS  CAPACITY     USED  DATASTORE         HOST',
  );
  expect(lines.at(-1)).toBe('2 VMs (1 on), 2 disks, 20.0 GiB capacity, 11.0 GiB used.');
  const narrow = inventoryReport([WEB, DB], { columns: undefined, look: look(40) });
  expect(narrow[0]).toMatch(/^PATH +POWER +CAPACITY$/);
});

test.each([40, 80, 120])('the table fits into %i columns', (width) => {
  const lines = inventoryReport([WEB, DB, SECRET], { columns: undefined, look: look(width) });
  expect(lines.slice(0, 4).filter((line) => textWidth(line) > width)).toEqual([]);
});

test('only the requested columns, in their order; what is unknown has a question mark', () => {
  const lines = inventoryReport([SECRET, WEB], { columns: ['used', 'name', 'power'], look: look(undefined) });
  expect(lines.slice(0, 3)).toEqual(['   USED  NAME    POWER', '      ?  secret  unreadable', '3.0 GiB  web-01  on']);
});

test('a check adds a column, the reasons with their remedies, and the counts', () => {
  const vms: ListedVm[] = [
    { ...WEB, check: { exportable: 'snapshot', problems: [], warnings: ['CD drive 1 has an image.'] } },
    {
      ...DB,
      check: {
        exportable: 'no',
        problems: [{ detail: 'Hard disk 2 is a raw device mapping.', hint: 'Copy the LUN.' }],
        warnings: [],
      },
    },
  ];
  const lines = inventoryReport(vms, { columns: ['path', 'export'], look: look(undefined) });
  expect(lines).toEqual([
    'PATH                   EXPORT',
    '/DC0/vm/web-01         --snapshot',
    '/DC0/vm/production/db  no',
    '',
    '  warning  /DC0/vm/web-01         CD drive 1 has an image.',
    '  error    /DC0/vm/production/db  Hard disk 2 is a raw device mapping.',
    '                                  Remedy: Copy the LUN.',
    '',
    '2 VMs (1 on), 2 disks, 20.0 GiB capacity, 11.0 GiB used.',
    'Export: 0 as they are, 1 with --snapshot (or --shutdown), 1 not exportable.',
  ]);
});

test('CSV has bytes, quotes what needs it, and ends lines as RFC 4180 says', () => {
  expect(inventoryCsv([WEB, SECRET], ['name', 'used', 'datastore'])).toBe(
    'name,used,datastore\r\nweb-01,3221225472,"ssd, nfs, ""slow"""\r\nsecret,,"ssd, nfs, ""slow"""\r\n',
  );
  expect(inventoryCsv([], COLUMN_NAMES)).toBe(`${COLUMN_NAMES.join(',')}\r\n`);
});

test('names sort in alphabetical order, amounts with the largest first', () => {
  const names = (column: 'used' | 'name') => sortedBy([WEB, SECRET, DB], column).map(({ name }) => name);
  expect(names('used')).toEqual(['db', 'web-01', 'secret']);
  expect(names('name')).toEqual(['db', 'secret', 'web-01']);
});
