import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CommandReport } from '../../../src/cli/run-report/command-report.ts';
import type { ReportedDocument } from '../../../src/cli/run-report/document-rows.ts';
import { TemporaryFolder } from '../../temporary-folder.ts';
import { RESULT } from '../screen/export-events.ts';

const PNG = Buffer.from('89504e470d0a1a0a0000', 'hex');

function documentOf(picture: string | null): ReportedDocument {
  const bootTest = {
    target: 'web-01.xml',
    name: 'web-01',
    verdict: 'failed' as const,
    networkUp: null,
    seconds: 40,
    accelerator: 'tcg' as const,
    firmware: 'bios' as const,
    loginPromptSeconds: null,
    guestAgentSeconds: null,
    nics: [],
    restarts: 0,
    failure: { kind: 'kernel-panic', words: 'kernel panic', text: 'Kernel panic - not syncing', seconds: 9 },
    failedUnits: [],
    lastLines: ['Kernel panic - not syncing'],
    picture,
    serialLog: '/jobs/1/serial.log',
    job: 'job-2',
    warnings: [],
    problem: { message: 'web-01 did not come up.', hint: 'See the log.' },
  };
  return {
    job: 'job-1',
    state: 'done',
    exported: [{ ...RESULT, bootTest, warnings: ['The server wrote geheim.'] }],
    skipped: [],
    failed: [],
  };
}

/** Writes a report, and returns its text and the warnings. */
async function written(
  path: string,
  document: ReportedDocument,
  { before = () => Promise.resolve() }: { before?: () => Promise<void> } = {},
): Promise<{ text: string; warnings: string[] }> {
  const warnings: string[] = [];
  const report = new CommandReport();
  await report.open({
    flags: { report: path },
    command: 'hyper2kvm export',
    version: '0.1.0',
    clean: (text) => text.replaceAll('geheim', '***'),
    onProblem: (message) => warnings.push(message),
  });
  report.take(document);
  report.fail({ kind: 'guest', exitCode: 16, message: 'The boot test failed.' });
  await before();
  await report.close(16, ['A warning of the run.']);
  return { text: await readFile(path, 'utf8').catch(() => ''), warnings };
}

test('the screenshot of a boot test is in the HTML file, and its verdict with it', async () => {
  await using folder = await TemporaryFolder.make('report-');
  const picture = join(folder.path, 'screen.png');
  await writeFile(picture, PNG);
  const { text } = await written(join(folder.path, 'run.html'), documentOf(picture));
  expect(text).toContain(
    `<img alt="The screen of web-01 at the end of the boot test" src="data:image/png;base64,${PNG.toString('base64')}">`,
  );
  expect(text).toContain('The server wrote ***.');
  expect(text).toContain('did not come up: kernel panic, in emulation, bios');
  expect(text).toContain('<strong>Error:</strong> web-01 did not come up. See the log.');
  expect(text).toContain('<pre>Kernel panic - not syncing</pre>');
});

test('a screenshot in another format or without a file is only a path', async () => {
  await using folder = await TemporaryFolder.make('report-');
  const picture = join(folder.path, 'screen.ppm');
  await writeFile(picture, 'P6 1 1 255 ...');
  const ppm = await written(join(folder.path, 'run.html'), documentOf(picture));
  expect(ppm.text).toContain(`<figcaption>${picture}</figcaption>`);
  expect(ppm.text).not.toContain('<img');
  await rm(picture);
  const none = await written(join(folder.path, 'run.html'), documentOf(picture));
  expect(none.text).toContain(`<strong>Warning:</strong> Could not read the screenshot ${picture}: it does not exist.`);
});

test('a report that cannot be written at the end is a warning, and leaves no partial file', async () => {
  await using folder = await TemporaryFolder.make('report-');
  const place = join(folder.path, 'reports');
  await mkdir(place);
  const path = join(place, 'run.html');
  const before = () => rm(place, { recursive: true });
  expect((await written(path, documentOf(null), { before })).warnings).toEqual([
    `The report is missing. Could not write ${path}: it does not exist.`,
  ]);
  expect(await readdir(folder.path)).toEqual([]);
});

test('a report names the disks that were not selected', async () => {
  await using folder = await TemporaryFolder.make('report-');
  const leftOut = [{ number: 2, label: 'Hard disk 2', datastoreFile: '[ds] web/rdm.vmdk', capacityBytes: 3 * 2 ** 30 }];
  const exported = [{ ...RESULT, leftOut }];
  const document: ReportedDocument = { job: 'job-1', state: 'done', exported, skipped: [], failed: [] };
  for (const kind of ['html', 'md', 'csv']) {
    const { text } = await written(join(folder.path, `run.${kind}`), document);
    expect(text.replaceAll('\\', '')).toContain('disk 2, Hard disk 2, [ds] web/rdm.vmdk, 3.0 GiB');
  }
});

test('the report of a sync has the rounds, how each disk was read, what an audit repaired, and what failed', async () => {
  await using folder = await TemporaryFolder.make('report-');
  const disk = { file: 'web-disk-1.qcow2', capacityBytes: 2 ** 30, changedBytes: 2 ** 20 };
  const document: ReportedDocument = {
    job: 'job-1',
    state: 'partial',
    skipped: [],
    synced: [
      {
        vm: 'web',
        moRef: 'vm-1',
        inventoryPath: '/DC0/vm/web',
        format: 'qcow2',
        output: '/srv/replicas/web',
        round: 7,
        takenAt: '2026-12-01T12:00:00.000Z',
        disks: [
          { ...disk, label: 'Hard disk 1', reading: 'changed', reason: null },
          { ...disk, label: 'Hard disk 2', reading: 'compared', reason: 'asked for', repairedBytes: 4096 },
        ],
        transferredBytes: 2 ** 21,
        changedBytes: 2 ** 21,
        repairedBytes: 4096,
        fetchSeconds: 1,
        applySeconds: 1,
        seconds: 3,
        rehearsal: {
          takenAt: '2026-12-01T12:00:00.000Z',
          isGood: false,
          error: { kind: 'guest', message: 'web did not come up.' },
          fixSeconds: 1,
          bootSeconds: null,
          seconds: 2,
        },
        downtime: {
          seconds: 90,
          roundSeconds: 30,
          fixSeconds: 20,
          bootSeconds: 40,
          changedBytesPerSecond: 1,
          transferBytesPerSecond: 1,
          missing: [],
        },
        warnings: ['The server wrote geheim.'],
      },
    ],
    failed: [{ vm: 'db', error: { kind: 'transfer', message: 'The connection ended.' }, leftBehind: [] }],
  };
  const { text } = await written(join(folder.path, 'run.md'), document);
  expect(text).toMatch(/^## db: failed$[^]*^- \*\*Error:\*\* The connection ended\.$[^]*^## web: replicated$/m);
  expect(text).toContain('The server wrote \\*\\*\\*.');
  expect(text).toMatch(/^\| Round \| 7 \|$/m);
  expect(text).toMatch(/^\| Downtime of a cutover \| about 1m 30s \|$[^]*^\| Rehearsal \| failed \|$/m);
  expect(text).toContain('**Error:** web did not come up.');
  expect(text).toMatch(/^\| ok \| Hard disk 1 \| only changed areas were read; 1\.0 MiB changed \|$/m);
  expect(text).toMatch(/^\| error \| Hard disk 2 \| .*: asked for; .*; 4\.0 KiB differed without being reported/m);
  expect((await written(join(folder.path, 'run.csv'), document)).text).toContain('web,disk,,Hard disk 1,,1073741824,');
});
