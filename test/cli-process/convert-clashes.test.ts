import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { appendFile, copyFile, mkdir, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { findOracle } from '../oracles/find-oracle.ts';
import { outputOf } from '../oracles/run-program.ts';
import { ScratchFolder } from '../operations/export/export-run.ts';
import { copyInto, namesIn, runConvert, startConvert, stopAmid, writeBusyDisk } from './convert-run.ts';
import type { ProgramRun } from './program.ts';

const MiB = 1 << 20;

let sources: ScratchFolder;

beforeAll(async () => {
  sources = await ScratchFolder.make();
  await writeBusyDisk(join(sources.path, 'big.raw'));
});

afterAll(() => sources[Symbol.asyncDispose]());

/** Converts `big.raw` into `made/` and runs `meanwhile` in the middle of the copy. */
async function convertWhile(scratch: ScratchFolder, meanwhile: (made: string) => Promise<void>): Promise<ProgramRun> {
  await copyFile(join(sources.path, 'big.raw'), join(scratch.path, 'big.raw'));
  const made = join(scratch.path, 'made');
  const program = await stopAmid(
    copyInto(join(made, 'big.qcow2.partial')),
    () => startConvert(scratch, 'big.raw', '--input-format=raw', '-o', 'made/', '--compress', '--json'),
    () => rm(made, { recursive: true, force: true }),
  );
  try {
    await meanwhile(made);
  } finally {
    program.child.kill('SIGCONT');
  }
  return program.over;
}

test.each([
  ['cut', 'became shorter', (path: string) => truncate(path, 100 * MiB)],
  ['written to', 'was written to', (path: string) => appendFile(path, 'x')],
])('a source that is %s while it is read is told, and leaves nothing', async (_how, what, meanwhile) => {
  await using scratch = await ScratchFolder.make();
  const { exitCode, stdout } = await convertWhile(scratch, () => meanwhile(join(scratch.path, 'big.raw')));
  expect(JSON.parse(stdout)).toMatchObject({
    exitCode: 13,
    error: { kind: 'image', message: `big.raw ${what} while it was read.`, hint: expect.any(String) },
  });
  expect({ exitCode, names: await namesIn(scratch.path) }).toEqual({ exitCode: 13, names: ['big.raw'] });
});

test.each([
  ['removed', (made: string) => rm(made, { recursive: true }), ['big.raw']],
  ['removed and made again', (made: string) => rm(made, { recursive: true }).then(() => mkdir(made)), ['big.raw']],
  ['moved away', (made: string) => rename(made, `${made}.old`), ['big.raw', 'made.old']],
])('an output folder that is %s in the middle of the copy ends with 14', async (_how, meanwhile, left) => {
  await using scratch = await ScratchFolder.make();
  const { exitCode, stdout } = await convertWhile(scratch, (made) => meanwhile(made).then(() => undefined));
  expect(JSON.parse(stdout)).toMatchObject({
    error: { kind: 'local-file', message: expect.stringMatching(/\.partial was removed or replaced while/) },
  });
  expect({ exitCode, names: await namesIn(scratch.path) }).toEqual({ exitCode: 14, names: left });
});

test('a second run into the same name is refused, with and without force, and takes nothing from the first', async () => {
  await using scratch = await ScratchFolder.make();
  const first = await convertWhile(scratch, async (made) => {
    for (const flags of [[], ['--force']]) {
      const { exitCode, stderr } = await runConvert(
        scratch,
        'big.raw',
        '--input-format=raw',
        '-o',
        'made/big.qcow2',
        ...flags,
      );
      expect(stderr).toContain(`Another run of hyper2kvm is writing ${join(made, 'big.qcow2')}.`);
      expect({ exitCode, names: await namesIn(made) }).toEqual({ exitCode: 18, names: ['big.qcow2.partial'] });
    }
  });
  expect(first.exitCode).toBe(0);
  expect(await namesIn(join(scratch.path, 'made'))).toEqual(['big.qcow2']);
  const qemuImg = findOracle('qemu-img');
  if (qemuImg === undefined) return;
  const files = ['big.raw', 'made/big.qcow2'].map((name) => join(scratch.path, name));
  expect(await outputOf(qemuImg, ['compare', '-f', 'raw', '-F', 'qcow2', ...files])).toBe('Images are identical.\n');
});
