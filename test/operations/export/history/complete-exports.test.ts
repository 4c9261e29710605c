import { describe, expect, test } from '@jest/globals';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { planExports } from '../../../../src/operations/export/run/plan-exports.ts';
import { NO_FIX } from '../../fix-guest/no-fix.ts';
import { randomContent } from '../../../server/content-source.ts';
import { startTestServer, type TestServer } from '../../../server/test-server.ts';
import { optionsFor, runExport, ScratchFolder, type ExportChoices } from '../export-run.ts';

const VM = { name: 'web', disks: [{ content: randomContent(1 << 20, 'web') }] };
const URI = 'test:///default';

/** Installs a fake virsh that records its `define` calls and the files passed. It knows the domains that were defined. */
async function standInVirsh(
  scratch: ScratchFolder,
): Promise<{ env: NodeJS.ProcessEnv; calls: () => Promise<string[]> }> {
  const [folder, log, known] = [join(scratch.path, 'bin'), join(scratch.path, 'calls'), join(scratch.path, 'known')];
  await mkdir(folder, { recursive: true });
  const script = `#!/bin/sh
if [ "$2" = list ]; then cat '${known}' 2>/dev/null; exit 0; fi
echo "$2 $3" >> '${log}'
id=$(sed -n 's|.*<uuid>\\(.*\\)</uuid>.*|\\1|p' "$3")
echo "$id web" > '${known}'
`;
  await writeFile(join(folder, 'virsh'), script);
  await chmod(join(folder, 'virsh'), 0o755);
  const env = {
    ...process.env,
    PATH: [folder, process.env['PATH']].join(delimiter),
    XDG_STATE_HOME: join(scratch.path, 'state'),
  };
  const calls = async (): Promise<string[]> =>
    (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  return { env, calls };
}

const IMAGES = { format: 'qcow2', skipExisting: true, guest: NO_FIX } as const;

async function withFirstRun(
  first: ExportChoices,
  work: (server: TestServer, scratch: ScratchFolder) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer({ vms: [VM] });
  await using scratch = await ScratchFolder.make();
  expect((await runExport(server, scratch, first)).result?.exported).toHaveLength(1);
  await work(server, scratch);
}

describe('--skip-existing', () => {
  test.concurrent.each<[string, ExportChoices, string]>([
    ['compressed', { compression: 'fast' }, '--compress'],
    ['fixed', { guest: { ...NO_FIX, fix: 'auto' } }, '--fix'],
    ['for other hardware', { hardware: 'sata' }, '--hardware'],
  ])('does not take an export for one that would be %s', async (_title, again, flag) => {
    await withFirstRun(IMAGES, async (server, scratch) => {
      const refused = await runExport(server, scratch, { ...IMAGES, ...again });
      expect(refused.result?.skipped).toEqual([]);
      expect(refused.error).toMatchObject({
        kind: 'local-file',
        message: expect.stringContaining(`the export in ${scratch.output} was made with other options: ${flag}.`),
        hint: expect.stringContaining('--force'),
      });
      const options = optionsFor(server, scratch, { ...IMAGES, ...again });
      const plan = await planExports(options, { signal: new AbortController().signal, report: () => undefined });
      expect(plan).toMatchObject({ skipped: [], plans: [{ findings: expect.arrayContaining([]) }] });
      expect(plan.plans[0]?.findings[0]).toMatchObject({ level: 'error', check: 'options' });
      expect((await runExport(server, scratch, { ...IMAGES, ...again, force: true })).result?.exported).toHaveLength(1);
      expect((await runExport(server, scratch, { ...IMAGES, ...again })).result?.skipped).toHaveLength(1);
    });
  });

  test.concurrent('trusts no record that does not say how the export was made', async () => {
    await withFirstRun(IMAGES, async (server, scratch) => {
      const path = join(scratch.output, '.web.hyper2kvm-whole');
      const { fingerprint, ...rest } = JSON.parse(await readFile(path, 'utf8'));
      expect(fingerprint).toContain('"format":"qcow2"');
      await writeFile(path, JSON.stringify(rest));
      expect((await runExport(server, scratch, IMAGES)).error).toMatchObject({ kind: 'local-file' });
    });
  });

  test.concurrent('defines the domain of an export that was made without --define, once', async () => {
    await withFirstRun(IMAGES, async (server, scratch) => {
      const { env, calls } = await standInVirsh(scratch);
      const options = { ...IMAGES, define: URI, env };
      const all = optionsFor(server, scratch, options);
      const plan = await planExports(all, { signal: new AbortController().signal, report: () => undefined });
      expect(plan).toMatchObject({ plans: [], skipped: [{ pending: ['define'] }] });
      const { result } = await runExport(server, scratch, options);
      expect(result?.exported).toMatchObject([{ defined: URI, transferredBytes: 0, keptDisks: ['web-disk-1.qcow2'] }]);
      expect((await runExport(server, scratch, options)).result?.skipped).toHaveLength(1);
      expect(await calls()).toEqual([`define ${join(scratch.output, 'web.xml')}`]);
      expect(server.state().diskRequests).toEqual({ 'disk-0.vmdk': 1 });
    });
  });

  test.concurrent('leaves a domain as it is that libvirt has already, and says so', async () => {
    await withFirstRun(IMAGES, async (server, scratch) => {
      const { env, calls } = await standInVirsh(scratch);
      const options = { ...IMAGES, define: URI, env };
      await runExport(server, scratch, options);
      // The program was killed after virsh ran, but before the call was recorded.
      const path = join(scratch.output, '.web.hyper2kvm-whole');
      const { done, ...rest } = JSON.parse(await readFile(path, 'utf8'));
      expect(done).toEqual({ defined: [URI], bootTested: false });
      await writeFile(path, JSON.stringify(rest));
      const { result } = await runExport(server, scratch, options);
      expect(result?.exported[0]?.warnings).toEqual([expect.stringContaining('already has this VM')]);
      expect(await calls()).toHaveLength(1);
    });
  });

  test.concurrent('fails where the step that is left cannot be done', async () => {
    await withFirstRun(IMAGES, async (server, scratch) => {
      const env = { XDG_STATE_HOME: join(scratch.path, 'state'), PATH: scratch.path };
      const { error } = await runExport(server, scratch, { ...IMAGES, bootTest: true, env });
      expect(error).toMatchObject({ kind: 'host', message: expect.stringContaining('could not be booted') });
      await rm(join(scratch.output, 'web.xml'));
    });
  });
});

test.concurrent('--if-changed defines the domain of a VM that has not changed', async () => {
  const options = { format: 'qcow2', ifChanged: true, force: true } as const;
  await withFirstRun(options, async (server, scratch) => {
    const { env, calls } = await standInVirsh(scratch);
    const again = await runExport(server, scratch, { ...options, define: URI, env });
    expect(again.result?.exported).toMatchObject([{ defined: URI, transferredBytes: 0 }]);
    expect(await calls()).toHaveLength(1);
    expect((await runExport(server, scratch, { ...options, define: URI, env })).result?.skipped).toHaveLength(1);
  });
});
