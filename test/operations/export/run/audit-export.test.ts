import { describe, expect, test } from '@jest/globals';
import type { ExportEvent, ExportFormat } from '../../../../src/operations/export/types.ts';
import { mixedContent } from '../../../server/content-source.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder } from '../export-run.ts';

const DISKS = [mixedContent((3 << 20) + 512, 'first'), mixedContent(2 << 20, 'second')].map((content) => ({ content }));
const served = (powerState: 'poweredOff' | 'poweredOn' = 'poweredOff'): Promise<TestServer> =>
  startTestServer({ nfc: {}, vms: [{ name: 'web', moRef: 'vm-1', powerState, disks: DISKS }] });

const AUDITED = { transport: 'nfc', audit: 'lease', retries: 1 } as const;

test.each(['ovf', 'ova', 'vmdk', 'qcow2', 'raw'] as const)(
  'an export as %s has the content of the export lease',
  async (format: ExportFormat) => {
    await using server = await served();
    await using scratch = await ScratchFolder.make();
    const { error, result } = await runExport(server, scratch, { ...AUDITED, format });
    expect(error).toBeUndefined();
    const extension = format === 'ovf' || format === 'ova' ? 'vmdk' : format;
    const disks = [`web-disk-1.${extension}`, `web-disk-2.${extension}`];
    expect(result?.exported[0]?.audit).toMatchObject({ transport: 'lease', disks });
    expect(result?.exported[0]?.audit?.transferredBytes).toBeGreaterThan(1 << 20);
    // The comparison before the first read, and the audit.
    expect(server.state().leases).toHaveLength(2);
    expect(server.state().nfc?.connections.every(({ ended }) => ended)).toBe(true);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

/** One bit of the second disk, which the comparison before the first read does not see. */
function lieAbout(server: TestServer, disk: number): (event: ExportEvent) => void {
  let started = 0;
  return ({ type }) => {
    if (type === 'disk-started' && ++started === disk) {
      server.faults.add({ on: 'nfc', action: 'flip-bit', atByte: 1000 });
    }
  };
}

describe.each(['raw', 'ova'] as const)('a difference in a disk of an export as %s', (format) => {
  test('fails the export, and leaves nothing', async () => {
    await using server = await served('poweredOn');
    await using scratch = await ScratchFolder.make();
    const power = { kind: 'snapshot', quiesce: false } as const;
    const onEvent = lieAbout(server, 2);
    const { error } = await runExport(server, scratch, { ...AUDITED, format, power, parallel: 1, onEvent });
    const file = `web-disk-2.${format === 'raw' ? 'raw' : 'vmdk'}`;
    expect(error).toMatchObject({
      kind: 'image',
      message: expect.stringContaining(`${file} does not have the content of Hard disk 2 of web in the export lease`),
    });
    expect(await scratch.files()).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });
});

test('a connection that breaks during the audit is tried again', async () => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  const onEvent = (event: ExportEvent): void => {
    if (event.type !== 'step' || !event.detail.startsWith('Audit: reading web-disk-1')) return;
    server.faults.add({ on: 'disk', target: 'disk-1.vmdk', action: 'cut', afterBytes: 100_000 });
  };
  const { error, result } = await runExport(server, scratch, { ...AUDITED, format: 'raw', onEvent });
  expect(error).toBeUndefined();
  expect(result?.exported[0]?.warnings).toEqual([
    expect.stringContaining('The audit is repeated from its last disk on'),
  ]);
  // The first disk was not downloaded again.
  expect(server.state().diskRequests).toMatchObject({ 'disk-0.vmdk': 2, 'disk-1.vmdk': 2 });
});
