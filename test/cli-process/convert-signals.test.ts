import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { appendFile, link, mkdir, rm, watch, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runExport, ScratchFolder } from '../operations/export/export-run.ts';
import { mixedContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import {
  copyInto,
  namesIn,
  READ_BACK,
  runConvert,
  sha256Of,
  startConvert,
  stopAmid,
  writeBusyDisk,
  type Stage,
} from './convert-run.ts';
import type { ProgramRun, RunningProgram } from './program.ts';

const MiB = 1 << 20;

let sources: ScratchFolder;

beforeAll(async () => {
  sources = await ScratchFolder.make();
  await writeBusyDisk(join(sources.path, 'big.raw'));
  await writeSlowArchive(join(sources.path, 'slow.ova.gz'));
});

afterAll(() => sources[Symbol.asyncDispose]());

/** Writes the start of a gzipped tar whose first member has 64 GiB. The list of members is known only after all of it is inflated. */
async function writeSlowArchive(path: string): Promise<void> {
  const header = Buffer.alloc(512);
  const fields = { 0: 'zeros.vmdk', 100: '0000644\0', 108: '0000000\0', 116: '0000000\0', 136: '00000000000\0' };
  for (const [at, field] of Object.entries(fields)) header.write(field, Number(at));
  header.write('ustar\x0000', 257);
  header.write('0', 156);
  // Sizes of 8 GiB and more are encoded in base 256.
  header[124] = 0x80;
  header.writeBigUInt64BE(BigInt(64 * 1024 * MiB), 128);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  await writeFile(path, gzipSync(header));
  const zeros = gzipSync(Buffer.alloc(64 * MiB));
  await appendFile(
    path,
    Array.from({ length: 64 }, () => zeros),
  );
}

/** Creates a folder that contains the large source. */
async function makeScratch(): Promise<ScratchFolder> {
  const scratch = await ScratchFolder.make();
  for (const name of ['big.raw', 'slow.ova.gz']) await link(join(sources.path, name), join(scratch.path, name));
  return scratch;
}

const ARGS = ['big.raw', '--input-format=raw', '-o', 'made/kvm/', '--compress', '--verify', '--json'];

function stoppedIn(stage: Stage, { path }: ScratchFolder, start: () => RunningProgram): Promise<RunningProgram> {
  return stopAmid(stage, start, () => rm(join(path, 'made'), { recursive: true, force: true }));
}

function inCopy(scratch: ScratchFolder): Promise<RunningProgram> {
  const copy = copyInto(join(scratch.path, 'made', 'kvm', 'big.qcow2.partial'));
  return stoppedIn(copy, scratch, () => startConvert(scratch, ...ARGS));
}

function inReadBack(scratch: ScratchFolder): Promise<RunningProgram> {
  return stoppedIn(READ_BACK, scratch, () => startConvert(scratch, ...ARGS));
}

async function inOpening(scratch: ScratchFolder): Promise<RunningProgram> {
  const program = startConvert(scratch, 'slow.ova.gz', '-o', 'made/kvm/', '--json');
  await program.said('Converting slow.ova.gz');
  return program;
}

function end({ child, over }: RunningProgram, signal: NodeJS.Signals): Promise<ProgramRun> {
  child.kill(signal);
  child.kill('SIGCONT');
  return over;
}

test.concurrent.each([
  ['SIGINT', 'while an archive is being looked through', inOpening, 130],
  ['SIGTERM', 'while an archive is being looked through', inOpening, 143],
  ['SIGINT', 'in the middle of the copy', inCopy, 130],
  ['SIGTERM', 'in the middle of the copy', inCopy, 143],
  ['SIGHUP', 'in the middle of the copy', inCopy, 129],
  ['SIGINT', 'while the result is read back', inReadBack, 130],
  ['SIGTERM', 'while the result is read back', inReadBack, 143],
] as const)('%s %s leaves nothing, and no folder', async (signal, _when, reach, exitCode) => {
  await using scratch = await makeScratch();
  const { exitCode: ended, endedBy, stdout, stderr } = await end(await reach(scratch), signal);
  expect({ ended, endedBy }).toEqual({ ended: exitCode, endedBy: null });
  expect(stderr).toContain(`${signal}: cleaning up.`);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode, error: { kind: 'interrupted' } });
  expect(await namesIn(scratch.path)).toEqual(['big.raw', 'slow.ova.gz']);
});

test.concurrent('Ctrl-C while the results get their names leaves all of them or none', async () => {
  await using scratch = await ScratchFolder.make();
  const disks = Array.from({ length: 8 }, (_, at) => ({ content: mixedContent(MiB, `disk ${at}`) }));
  await using server = await startTestServer({ vms: [{ name: 'web', disks }] });
  expect(await runExport(server, scratch, { format: 'ovf' })).toMatchObject({ error: undefined });
  const kvm = join(scratch.path, 'kvm');
  await mkdir(kvm);
  const program = startConvert(scratch, 'out/web.ovf', '-o', 'kvm/');
  const stop = new AbortController();
  void program.over.then(() => stop.abort());
  try {
    for await (const { filename } of watch(kvm, { signal: stop.signal })) {
      if (filename === 'web-disk-1.qcow2') program.child.kill('SIGINT');
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  const { exitCode, endedBy } = await program.over;
  const all = [...disks.map((_, at) => `web-disk-${at + 1}.qcow2`), 'web.xml'];
  // After all work is done, nothing handles signals any more. A signal then ends the process itself.
  const ended = endedBy ?? exitCode;
  expect([0, 130, 'SIGINT']).toContain(ended);
  expect({ ended, names: await namesIn(kvm) }).toEqual({ ended, names: ended === 130 ? [] : all });
});

test.concurrent('after a kill the next run makes what it would have made anyway', async () => {
  await using scratch = await makeScratch();
  const kvm = join(scratch.path, 'made', 'kvm');
  for (const reach of [inCopy, inReadBack]) {
    const killed = await reach(scratch);
    killed.child.kill('SIGKILL');
    expect(await killed.over).toMatchObject({ endedBy: 'SIGKILL', stdout: '' });
    expect(await namesIn(kvm)).toEqual(['big.qcow2.partial']);
  }
  expect(await runConvert(scratch, ...ARGS)).toMatchObject({ exitCode: 0 });
  expect(await namesIn(kvm)).toEqual(['big.qcow2']);
  expect(
    await runConvert(scratch, 'big.raw', '--input-format=raw', '-o', 'clean.qcow2', '--compress', '--quiet'),
  ).toMatchObject({
    exitCode: 0,
  });
  expect(await sha256Of(join(kvm, 'big.qcow2'))).toBe(await sha256Of(join(scratch.path, 'clean.qcow2')));
});
