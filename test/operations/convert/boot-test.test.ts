import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { convert } from '../../../src/operations/convert/convert.ts';
import { EncodeOptions } from '../../../src/operations/encode-options.ts';
import type { ConvertOptions } from '../../../src/operations/convert/types.ts';
import { tinyGuest } from '../../guest/boot/boot-sector.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { NO_FIX } from '../fix-guest/no-fix.ts';
import { makeTemporaryFolder } from '../../temporary-folder.ts';

const ORACLES = ['qemu-system-x86_64', 'qemu-img'] as const;

let folder: string;
beforeEach(async () => {
  folder = await makeTemporaryFolder('h2k-convert-boot-');
});
afterEach(() => rm(folder, { recursive: true }));

const environment = () => ({ ...process.env, XDG_STATE_HOME: join(folder, 'state') });

async function run(text: string, env: NodeJS.ProcessEnv) {
  const source = join(folder, 'tiny.img');
  await writeFile(source, tinyGuest({ text }));
  const options: ConvertOptions = {
    source,
    output: join(folder, 'tiny.qcow2'),
    encode: new EncodeOptions({ format: 'qcow2' }),
    verify: false,
    disks: undefined,
    hardware: 'auto',
    guest: NO_FIX,
    force: false,
    bootTest: { env },
  };
  return convert(options, { signal: new AbortController().signal, report: () => {} });
}

testWithOracle(
  ORACLES,
  'a result that does not boot is told with its failure, and stays',
  async () => {
    const { bootTest } = await run('Kernel panic - not syncing: no root', environment());
    expect(bootTest).toMatchObject({
      verdict: 'failed',
      failure: { kind: 'kernel-panic' },
      problem: expect.anything(),
    });
    expect((await stat(join(folder, 'tiny.qcow2'))).size).toBeGreaterThan(0);
  },
  300_000,
);

testWithOracle(ORACLES, 'without QEMU nothing is converted', async () => {
  await expect(run('', { ...environment(), PATH: folder })).rejects.toMatchObject({ kind: 'host' });
  await expect(stat(join(folder, 'tiny.qcow2'))).rejects.toThrow('ENOENT');
});
