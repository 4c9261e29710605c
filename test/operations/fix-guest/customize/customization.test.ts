import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { withCustomization } from '../../../../src/operations/fix-guest/customize/customization.ts';
import { fixImages, requireFixable } from '../../../../src/operations/fix-guest/fix-images.ts';
import type {
  Customization,
  CustomizeRequest,
} from '../../../../src/operations/fix-guest/customize/customize-request.ts';
import type { FixOptions } from '../../../../src/operations/fix-guest/types.ts';
import { imageFolder } from '../../../guest/make-disk.ts';
import { NO_FIX } from '../no-fix.ts';

const { signal } = new AbortController();
const NOTHING: CustomizeRequest = { file: undefined, firstboot: [], network: false, guestAgent: undefined };

let folder: Awaited<ReturnType<typeof imageFolder>>;

beforeEach(async () => {
  folder = await imageFolder();
  await mkdir(join(folder.path, 'bin'));
  const fake = '#!/bin/sh\necho --upload --run --firstboot --root-password\n';
  await writeFile(join(folder.path, 'bin', 'virt-customize'), fake, { mode: 0o755 });
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

async function read(request: Partial<CustomizeRequest>, vm = 'web'): Promise<Customization | undefined> {
  const options: FixOptions = { ...NO_FIX, fix: 'auto', customize: { ...NOTHING, ...request } };
  const { customization } = await withCustomization(options, vm, { env: { PATH: join(folder.path, 'bin') }, signal });
  return customization;
}

async function write(name: string, text: string): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, text);
  return path;
}

test('each VM has its own file', async () => {
  await write('web.txt', 'run-command one\n');
  await write('db.txt', 'run-command two\n');
  const file = join(folder.path, '{vm}.txt');
  expect((await read({ file }, 'web'))?.file?.commands).toMatchObject([{ argument: 'one' }]);
  expect((await read({ file }, 'db'))?.file?.commands).toMatchObject([{ argument: 'two' }]);
  await expect(read({ file }, 'mail')).rejects.toMatchObject({
    kind: 'usage',
    message: `--customize: Could not read ${join(folder.path, 'mail.txt')}: it does not exist.`,
  });
});

test('a file that a command names must be there', async () => {
  const file = await write('c.txt', '# one\nupload /nonexistent/a:/root/a\n');
  await expect(read({ file })).rejects.toThrow(
    `${file}, line 2, upload: Could not read /nonexistent/a: it does not exist.`,
  );
  await expect(read({ firstboot: [folder.path] })).rejects.toThrow(`--firstboot: ${folder.path} is not a file.`);
  await expect(read({ guestAgent: { packages: file } })).rejects.toThrow(`--guest-agent: ${file} is not a folder.`);
});

test('the content of the file, and of what it names, is in the fingerprint, and no digest that helps to guess', async () => {
  const data = await write('data', 'one');
  const file = await write('c.txt', `upload ${data}:/root/data\nroot-password password:geheim\n`);
  const first = await read({ file });
  expect(await read({ file })).toMatchObject({ digests: first?.digests });
  await write('data', 'two');
  const second = await read({ file });
  expect(second?.digests.customize).not.toBe(first?.digests.customize);
  expect(second?.digests.firstboot).toBe('');
  await write('c.txt', `upload ${data}:/root/data\nroot-password password:other\n`);
  expect((await read({ file }))?.digests.customize).not.toBe(second?.digests.customize);
  const script = await write('first.sh', '#!/bin/sh\n');
  const scripts = [(await read({ firstboot: [script] }))?.digests.firstboot];
  await write('first.sh', '#!/bin/sh\nreboot\n');
  scripts.push((await read({ firstboot: [script] }))?.digests.firstboot);
  expect(new Set(scripts).size).toBe(2);
});

test('without virt-customize it is named with its package, and nothing else is asked for without a customization', async () => {
  const options: FixOptions = { ...NO_FIX, fix: 'auto' };
  const env = { PATH: '/nonexistent' };
  expect(await withCustomization(options, 'web', { env, signal })).toBe(options);
  await expect(withCustomization({ ...options, customize: NOTHING }, 'web', { env, signal })).rejects.toMatchObject({
    kind: 'host',
    hint: expect.stringContaining('guestfs-tools'),
  });
});

test('a guest that cannot be changed cannot be customized, even with --fix auto', async () => {
  const requested: FixOptions = { ...NO_FIX, fix: 'auto', customize: NOTHING };
  const obstacle = 'only one of its disks is converted';
  expect(() => requireFixable(requested, { obstacle, env: process.env })).toThrow(
    expect.objectContaining({ kind: 'usage', hint: 'Omit --customize, --firstboot and --guest-agent.' }),
  );
  // A caller that forgot to read the customization must not lose it.
  const machine = { images: [], nics: [], hardware: { firmware: undefined, secureBoot: false, disks: [], nics: [] } };
  await expect(fixImages(machine, requested, { signal, report: () => {} })).rejects.toMatchObject({ kind: 'internal' });
});
