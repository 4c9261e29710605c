import { expect, test } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkAccess,
  defaultConfigPath,
  readConfigFile,
  readUsualConfigFile,
} from '../../../src/cli/config/config-file.ts';
import { ScratchFolder } from '../../operations/export/export-run.ts';

const uid = process.getuid?.() ?? 0;
const file = (mode: number, owner = uid) => ({ path: "/etc/joe's.yaml", text: '', access: { mode, uid: owner } });

test.each([
  [{ XDG_CONFIG_HOME: '/x', HOME: '/home/joe' }, '/x/hyper2kvm/config.yaml'],
  [{ XDG_CONFIG_HOME: 'relative', HOME: '/home/joe' }, '/home/joe/.config/hyper2kvm/config.yaml'],
  [{ HOME: '/home/joe' }, '/home/joe/.config/hyper2kvm/config.yaml'],
])('%j has it at %s', (env, path) => {
  expect(defaultConfigPath(env)).toBe(path);
});

test.each([
  [0o100600, true],
  [0o100400, true],
  [0o100644, false],
  [0o100664, false],
])('a file of mode %o is taken (with a secret: %s)', (mode, hasSecret) => {
  expect(() => checkAccess(file(mode), hasSecret)).not.toThrow();
});

test.each([0o100640, 0o100604, 0o100620, 0o100601])('a file of mode %o may hold no secret', (mode) => {
  const hint = "Run chmod 600 '/etc/joe'\\''s.yaml'.";
  expect(() => checkAccess(file(mode), true)).toThrow(expect.objectContaining({ kind: 'usage', hint }));
});

test("another user's file may hold no secret of ours", () => {
  expect(() => checkAccess(file(0o100600, uid + 1), true)).toThrow('contains a password and belongs to another user');
  expect(() => checkAccess(file(0o100644, uid + 1), false)).not.toThrow();
});

test('a pipe has no other readers', () => {
  expect(() => checkAccess({ path: '/dev/fd/63', text: '', access: undefined }, true)).not.toThrow();
});

test('what is too large is no configuration file', async () => {
  await using scratch = await ScratchFolder.make();
  const path = join(scratch.path, 'disk.raw');
  await writeFile(path, Buffer.alloc(2 << 20));
  await expect(readConfigFile(path)).rejects.toMatchObject({ kind: 'usage' });
  await expect(readConfigFile('/dev/zero')).rejects.toMatchObject({ kind: 'usage' });
  expect(await readUsualConfigFile(join(path, 'below'), () => undefined)).toBeUndefined();
  await expect(readConfigFile(join(path, 'below'))).rejects.toMatchObject({ kind: 'usage' });
});

/** Runs `work` as a non-root user, since root can read every file. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test('a closed folder is a warning, unless the file was named', async () => {
  await using scratch = await ScratchFolder.make();
  const folder = join(scratch.path, 'closed');
  await mkdir(folder, { mode: 0 });
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  await asNobody(async () => {
    expect(await readUsualConfigFile(join(folder, 'config.yaml'), warn)).toBeUndefined();
    await expect(readConfigFile(join(folder, 'config.yaml'))).rejects.toThrow('permission');
  });
  expect(warnings).toEqual([expect.stringContaining('cannot be read: its profiles are ignored.')]);
});
