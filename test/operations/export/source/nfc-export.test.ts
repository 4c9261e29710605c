import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ExportEvent, ExportFormat } from '../../../../src/operations/export/types.ts';
import { mixedContent, writeRawFile } from '../../../server/content-source.ts';
import type { TestServerOptions } from '../../../server/options.ts';
import type { ScriptedFault } from '../../../server/scripted-faults.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { leftOnServer, NOTHING_LEFT, runExport, ScratchFolder, type ExportRun } from '../export-run.ts';

const CONTENTS = [mixedContent((5 << 20) + 512, 'first'), mixedContent(2 << 20, 'second')];
const VM = { name: 'web', disks: CONTENTS.map((content) => ({ content })) };

type Options = TestServerOptions & { isWithoutNfc?: boolean };

const served = (options: Options = {}): Promise<TestServer> => {
  const { isWithoutNfc = false, ...rest } = options;
  return startTestServer({ ...(isWithoutNfc ? {} : { nfc: {} }), vms: [VM], ...rest });
};

async function expectContent(scratch: ScratchFolder): Promise<void> {
  for (const [index, content] of CONTENTS.entries()) {
    const expected = join(scratch.path, `${index}.expected`);
    await writeRawFile(content, expected);
    const image = await readFile(join(scratch.output, `web-disk-${index + 1}.raw`));
    expect(image.equals(await readFile(expected))).toBe(true);
  }
}

const warningsOf = ({ events }: ExportRun): string[] =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

const violationsOf = (server: TestServer): string[] =>
  server.state().nfc?.connections.flatMap(({ violations }) => violations) ?? [];

test.each(['ovf', 'ova', 'vmdk', 'qcow2', 'raw'] as const)(
  '--transport nfc exports a VM as %s',
  async (format: ExportFormat) => {
    await using server = await served();
    await using scratch = await ScratchFolder.make();
    const run = await runExport(server, scratch, { format, transport: 'nfc', retries: 0 });
    expect(run.error).toBeUndefined();
    expect(warningsOf(run)).toEqual([]);
    if (format === 'raw') await expectContent(scratch);
    // The comparison before the first read.
    expect(server.state().downloads).toHaveLength(1);
    expect(server.state().leases).toHaveLength(1);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    expect(violationsOf(server)).toEqual([]);
  },
);

test.each(['nfc', 'auto'] as const)(
  '--transport %s --snapshot reads the file of the snapshot of a running VM',
  async (transport) => {
    await using server = await served({ vms: [{ ...VM, powerState: 'poweredOn' }] });
    await using scratch = await ScratchFolder.make();
    const power = { kind: 'snapshot', quiesce: false } as const;
    const { error } = await runExport(server, scratch, { format: 'raw', transport, power, retries: 0 });
    expect(error).toBeUndefined();
    await expectContent(scratch);
    expect(server.state().leases).toHaveLength(1);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  },
);

test('a standalone host is read as well', async () => {
  await using server = await served({ apiType: 'HostAgent' });
  await using scratch = await ScratchFolder.make();
  const { error } = await runExport(server, scratch, { format: 'raw', transport: 'nfc', retries: 0 });
  expect(error).toBeUndefined();
  await expectContent(scratch);
});

describe('what is not available', () => {
  const cases: [string, string, Options, ScriptedFault[]][] = [
    ['a server without NFC', 'does not know the method RetrieveInternalContent', { isWithoutNfc: true }, []],
    ['a port that refuses', 'cannot be reached (ECONNREFUSED)', {}, [{ on: 'nfc', action: 'refused-port', times: 9 }]],
    ['a backup NIC', 'cannot be reached', {}, [{ on: 'nfc', action: 'other-host', host: '127.0.0.2', times: 9 }]],
    ['version 2', 'has version 2 of the NFC library', { nfc: { protocolVersion: 2 } }, []],
    [
      'a wrong certificate in the first session',
      'pinned thumbprint',
      {},
      [{ on: 'nfc', action: 'wrong-certificate', session: 1, times: 9 }],
    ],
    [
      'a wrong certificate in the second session',
      'pinned thumbprint',
      {},
      [{ on: 'nfc', action: 'wrong-certificate', session: 2, times: 9 }],
    ],
    ['a spent ticket', 'refused the ticket ("530', {}, [{ on: 'nfc', action: 'spent-ticket', times: 9 }]],
    [
      'a host without TLS',
      'does not offer NFC over TLS',
      {},
      [{ on: 'nfc', action: 'no-capability', word: 'NFCSSL supported/t', times: 9 }],
    ],
    [
      'a refusal after the login',
      'refused the session',
      {},
      [{ on: 'nfc', action: 'classic-refusal', at: 36, times: 9 }],
    ],
    [
      'an open that fails',
      'NFC error 16392',
      {},
      [{ on: 'nfc', action: 'open-error', code: 16_392, text: 'Failed to lock the file', times: 9 }],
    ],
    [
      'a read that fails',
      'NFC error 13',
      {},
      [{ on: 'nfc', action: 'read-error', code: 13, text: 'read failed', times: 9, skip: 2 }],
    ],
    [
      'fragments with a gap',
      'which this client does not know',
      {},
      [{ on: 'nfc', action: 'overlap', times: 9, skip: 1 }],
    ],
  ];

  test.each(cases)('%s: auto falls back and says why', async (_title, reason, options, faults) => {
    await using server = await served(options);
    await using scratch = await ScratchFolder.make();
    for (const fault of faults) server.faults.add(fault);
    const run = await runExport(server, scratch, { format: 'raw', transport: 'auto', retries: 0 });
    expect(run.error).toBeUndefined();
    await expectContent(scratch);
    const [warning, ...others] = warningsOf(run);
    expect(warning).toContain('The disks are read through the export lease');
    expect(warning).toContain(reason);
    expect(others).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    for (const secret of server.state().secrets) expect(JSON.stringify(run.events)).not.toContain(secret);
  });

  test.each(cases.filter((_case, index) => index % 3 === 0))(
    '%s: nfc fails and says why',
    async (_title, reason, options, faults) => {
      await using server = await served(options);
      await using scratch = await ScratchFolder.make();
      for (const fault of faults) server.faults.add(fault);
      const { error } = await runExport(server, scratch, { format: 'raw', transport: 'nfc', retries: 0 });
      expect(error).toMatchObject({ message: expect.stringContaining(reason) });
      expect(await scratch.files()).toEqual([]);
      expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
    },
  );
});

test.each(['cut', 'stall'] as const)('a connection with %s is opened again, with a new ticket', async (action) => {
  await using server = await served();
  await using scratch = await ScratchFolder.make();
  const options = {
    format: 'raw',
    transport: 'nfc',
    retries: 2,
    stallTimeoutMs: 1500,
    firstByteTimeoutMs: 1500,
  } as const;
  let isAdded = false;
  // After the comparison with the lease.
  const onEvent = ({ type }: ExportEvent): void => {
    if (type !== 'disk-started' || isAdded) return;
    isAdded = true;
    server.faults.add({ on: 'nfc', action, afterBytes: 1000 });
  };
  const run = await runExport(server, scratch, { ...options, onEvent });
  expect(run.error).toBeUndefined();
  expect(run.events.filter(({ type }) => type === 'disk-retry')).toHaveLength(1);
  await expectContent(scratch);
});

describe('the comparison with the lease before the first read of a run', () => {
  const flip: ScriptedFault = { on: 'nfc', action: 'flip-bit', atByte: 100 };

  test('ends nfc when the content differs, and names both', async () => {
    await using server = await served();
    await using scratch = await ScratchFolder.make();
    server.faults.add(flip);
    const { error } = await runExport(server, scratch, { format: 'raw', transport: 'nfc', retries: 3 });
    expect(error).toMatchObject({
      message: expect.stringMatching(/64 MiB of Hard disk 1 of web differ between NFC \(127.*\) and the export lease/),
    });
    expect(await scratch.files()).toEqual([]);
    expect(leftOnServer(server)).toEqual(NOTHING_LEFT);
  });

  test('makes auto use the lease for all VMs of the run when the content differs', async () => {
    await using server = await served({ vms: [VM, { ...VM, name: 'web2' }] });
    await using scratch = await ScratchFolder.make();
    server.faults.add(flip);
    const run = await runExport(server, scratch, {
      vms: ['web', 'web2'],
      format: 'raw',
      transport: 'auto',
      retries: 0,
    });
    expect(run.error).toBeUndefined();
    expect(warningsOf(run)).toEqual([expect.stringContaining('differ'), expect.stringContaining('differ')]);
    expect(server.state().nfc?.connections).toHaveLength(1);
  });

  test('is left out with a warning when there is no lease', async () => {
    await using server = await served();
    await using scratch = await ScratchFolder.make();
    server.faults.add({ on: 'ExportVm', action: 'soap-fault', fault: 'NotSupported' });
    const run = await runExport(server, scratch, { format: 'raw', transport: 'nfc', retries: 0 });
    expect(run.error).toBeUndefined();
    expect(warningsOf(run)).toEqual([expect.stringContaining('could not be compared with the export lease')]);
    await expectContent(scratch);
  });

  test('happens once in a run of several VMs', async () => {
    await using server = await served({ vms: [VM, { ...VM, name: 'web2' }] });
    await using scratch = await ScratchFolder.make();
    const run = await runExport(server, scratch, { vms: ['web', 'web2'], format: 'raw', transport: 'nfc', jobs: 2 });
    expect(run.error).toBeUndefined();
    expect(server.state().leases).toHaveLength(1);
  });
});
