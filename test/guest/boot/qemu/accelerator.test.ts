import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { HostKvm } from '../../../../src/guest/boot/qemu/accelerator.ts';
import { record as recordOf, string, unknown } from 'valibot';
import { readJson } from '../../../../src/base/records/read-record.ts';
import { ScratchFolder } from '../../../operations/export/export-run.ts';

const { signal } = new AbortController();
const BROKEN = 'KVM stopped.';

/**
 * A host with a KVM device that can be opened. The module caches results by state folder, so that each folder behaves
 * like a new process.
 */
async function host(scratch: ScratchFolder) {
  const device = join(scratch.path, 'kvm');
  const qemu = join(scratch.path, 'qemu');
  await Promise.all([device, qemu].map((path) => writeFile(path, '')));
  let trials = 0;
  return {
    device,
    qemu,
    trials: () => trials,
    kvm: (folder: string, obstacle?: string) =>
      new HostKvm(
        { XDG_STATE_HOME: join(scratch.path, folder) },
        { device, prove: () => Promise.resolve(((trials += 1), obstacle)) },
      ),
    file: (folder: string) => join(scratch.path, folder, 'hyper2kvm', 'kvm.json'),
  };
}

test('KVM is tried once, and what was found is kept in a file that only this user can write', async () => {
  await using scratch = await ScratchFolder.make();
  const { kvm, qemu, trials, file } = await host(scratch);
  expect(await kvm('a').find(qemu, signal)).toEqual({ accelerator: 'kvm', reason: undefined });
  expect(await kvm('a', BROKEN).find(qemu, signal)).toEqual({ accelerator: 'kvm', reason: undefined });
  expect(trials()).toBe(1);
  expect((await stat(file('a'))).mode & 0o777).toBe(0o600);
  expect((await readdir(join(scratch.path, 'a', 'hyper2kvm'))).toSorted()).toEqual(['kvm.json']);

  expect(await kvm('b', BROKEN).find(qemu, signal)).toEqual({ accelerator: 'tcg', reason: BROKEN });
  expect(await kvm('b').find(qemu, signal)).toEqual({ accelerator: 'tcg', reason: BROKEN });
  expect(trials()).toBe(2);
});

test('another process believes the file in the same boot of the host, and tries again in another one', async () => {
  await using scratch = await ScratchFolder.make();
  const { kvm, qemu, trials, file } = await host(scratch);
  await kvm('a', BROKEN).find(qemu, signal);
  const text = await readFile(file('a'), 'utf8');
  const record = readJson(text, recordOf(string(), unknown()));
  const plant = async (folder: string, content: string): Promise<void> => {
    // This creates the folder. The result that this process caches for it belongs to another QEMU.
    const other = join(scratch.path, 'other-qemu');
    await writeFile(other, 'other');
    await kvm(folder).find(other, signal);
    await writeFile(file(folder), content);
  };
  await plant('b', text);
  const before = trials();
  const fresh = async (folder: string): Promise<unknown> => {
    // The link is a state folder that this process has not used yet, and it resolves to the same file.
    await symlink(join(scratch.path, folder), join(scratch.path, `${folder}-new`));
    return await kvm(`${folder}-new`).find(qemu, signal);
  };
  expect(await fresh('b')).toEqual({ accelerator: 'tcg', reason: BROKEN });
  expect(trials()).toBe(before);

  await plant('c', JSON.stringify({ ...record, bootId: 'of-yesterday' }));
  expect(await fresh('c')).toMatchObject({ accelerator: 'kvm' });
});

test('a file that others may write, or that is none, is not believed', async () => {
  await using scratch = await ScratchFolder.make();
  const { kvm, qemu, file } = await host(scratch);
  await kvm('a', BROKEN).find(qemu, signal);
  await chmod(file('a'), 0o666);
  await symlink(join(scratch.path, 'a'), join(scratch.path, 'a-new'));
  expect(await kvm('a-new').find(qemu, signal)).toMatchObject({ accelerator: 'kvm' });
  await writeFile(file('a'), 'no JSON');
  await symlink(join(scratch.path, 'a'), join(scratch.path, 'a-newer'));
  expect(await kvm('a-newer').find(qemu, signal)).toMatchObject({ accelerator: 'kvm' });
});

test('a KVM that broke after its proof is not used again; without the device or the right there is no trial', async () => {
  await using scratch = await ScratchFolder.make();
  const { kvm, qemu, trials } = await host(scratch);
  const known = kvm('a');
  await known.find(qemu, signal);
  await known.markBroken(qemu, BROKEN);
  expect(await kvm('a').find(qemu, signal)).toEqual({ accelerator: 'tcg', reason: BROKEN });
  const without = new HostKvm({ XDG_STATE_HOME: scratch.path }, { device: join(scratch.path, 'none') });
  expect(await without.find(qemu, signal)).toMatchObject({
    accelerator: 'tcg',
    reason: expect.stringMatching(/^There is no/),
  });
  expect(trials()).toBe(1);
});
