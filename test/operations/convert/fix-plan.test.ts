import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { ConvertEvent } from '../../../src/operations/convert/types.ts';
import { sha256Of } from '../../cli-process/convert-run.ts';
import { mixedContent } from '../../server/content-source.ts';
import { startTestServer } from '../../server/test-server.ts';
import { runExport, ScratchFolder } from '../export/export-run.ts';
import { NO_FIX } from '../fix-guest/no-fix.ts';
import { runConvert } from './convert-run.ts';

const PLAN = { ...NO_FIX, fix: 'require', planOnly: true } as const;

/** Installs a fake guestfish that ends at once. It reads the names of the disks from its input, not from its command line. */
async function fakeGuestfish(scratch: ScratchFolder): Promise<NodeJS.ProcessEnv> {
  const folder = join(scratch.path, 'bin');
  await mkdir(folder);
  await writeFile(join(folder, 'guestfish'), '#!/bin/sh\nread -r line\necho "$line" >&2\nexit 1\n');
  await chmod(join(folder, 'guestfish'), 0o755);
  return { ...process.env, PATH: `${folder}:/usr/bin:/bin`, LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' };
}

test.each([
  ['ovf', 'web.ovf', 'is looked at where it lies', [], 'out/web-disk-1.vmdk', 'vmdk'],
  [
    'ova',
    'web.ova',
    'is converted first, into a file that does not stay',
    ['web-disk-1.qcow2'],
    'kvm/web-disk-1.qcow2.partial',
    'qcow2',
  ],
] as const)('the guest of an %s (%s) %s', async (format, name, _how, converted, looked, kind) => {
  await using scratch = await ScratchFolder.make();
  const env = await fakeGuestfish(scratch);
  await using server = await startTestServer({
    vms: [{ name: 'web', disks: [{ content: mixedContent(1 << 20, 'web') }] }],
  });
  expect(await runExport(server, scratch, { format })).toMatchObject({ error: undefined });
  const source = join(scratch.output, name);
  const before = await Promise.all((await readdir(scratch.output)).map((file) => sha256Of(join(scratch.output, file))));
  const started: string[] = [];
  const onEvent = (event: ConvertEvent): void => {
    if (event.type === 'disk-started') started.push(event.disk);
  };
  const output = `${join(scratch.path, 'kvm')}/`;
  const plan = runConvert({ source, output, guest: PLAN, env }, undefined, onEvent);
  await expect(plan).rejects.toMatchObject({
    kind: 'guest',
    message: expect.stringContaining(`"${join(scratch.path, looked)}" "format:${kind}" "readonly:true"`),
  });
  expect(started).toEqual(converted);
  expect((await readdir(scratch.path)).toSorted()).toEqual(['bin', 'out', 'state']);
  expect(
    await Promise.all((await readdir(scratch.output)).map((file) => sha256Of(join(scratch.output, file)))),
  ).toEqual(before);
});
