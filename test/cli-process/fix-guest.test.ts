import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tinyGuest } from '../guest/boot/boot-sector.ts';
import { runExport, ScratchFolder } from '../operations/export/export-run.ts';
import { rawFileContent } from '../server/content-source.ts';
import { startTestServer } from '../server/test-server.ts';
import { namesIn, sha256Of } from './convert-run.ts';
import { environmentOf, startProgram, type RunningProgram } from './program.ts';

const MIB = 2 ** 20;

/** Starts `convert` into `kvm/`. */
function start(scratch: ScratchFolder, args: readonly string[], env: NodeJS.ProcessEnv): RunningProgram {
  const all = { ...environmentOf(undefined, join(scratch.path, '.state')), ...env };
  return startProgram(['convert', ...args, '-o', 'kvm/', '--json'], { env: all, cwd: scratch.path });
}

describe('a host without libguestfs', () => {
  const NOTHING = { PATH: '/nonexistent' };
  let scratch: ScratchFolder;

  beforeAll(async () => {
    scratch = await ScratchFolder.make();
    const disk = Buffer.alloc(MIB);
    tinyGuest({ text: '' }).copy(disk);
    const path = join(scratch.path, 'disk.img');
    await writeFile(path, disk);
    await using server = await startTestServer({
      vms: [{ name: 'web', disks: [{ content: rawFileContent(path, MIB) }] }],
    });
    expect(await runExport(server, scratch)).toMatchObject({ error: undefined });
  });

  afterAll(() => scratch[Symbol.asyncDispose]());

  test('is told plainly by --fix auto, and gives hardware that needs no fix', async () => {
    const { exitCode, stdout } = await start(scratch, ['out/web.ovf', '--fix', 'auto'], NOTHING).over;
    expect(exitCode).toBe(0);
    const { result } = JSON.parse(stdout) as { result: unknown };
    expect(result).toMatchObject({
      guest: {
        outcome: 'not-fixed',
        reason: 'guestfish of libguestfs is not installed on this host.',
        hint: expect.stringContaining('libguestfs-tools'),
      },
      hardware: { kind: 'sata', reason: expect.stringMatching(/^Virtio support was not checked/) },
    });
    const domain = await readFile(join(scratch.path, 'kvm', 'web.xml'), 'utf8');
    expect(domain).toContain('bus="sata"');
    expect(domain).not.toContain('bus="virtio"');
  });

  test('ends --fix require with 17 before any work', async () => {
    const args = ['out/web.ovf', '--fix', 'require', '--force'];
    const before = await sha256Of(join(scratch.path, 'kvm', 'web-disk-1.qcow2'));
    const { exitCode, stdout } = await start(scratch, args, NOTHING).over;
    expect(exitCode).toBe(17);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { kind: 'host', hint: expect.stringContaining('libguestfs-tools') },
    });
    expect(await sha256Of(join(scratch.path, 'kvm', 'web-disk-1.qcow2'))).toBe(before);
    expect(await namesIn(join(scratch.path, 'kvm'))).toEqual(['web-disk-1.qcow2', 'web.xml']);
  });
});
