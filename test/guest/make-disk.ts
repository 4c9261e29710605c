import { open, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Guestfs } from '../../src/guest/guestfs.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

/** Without KVM the appliance is emulated, and takes half a minute to start. */
export const APPLIANCE_TEST_MS = 1_800_000;

/** Creates a folder for images, which is removed at the end of the scope. */
export async function imageFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await makeTemporaryFolder('hyper2kvm-guest-test-');
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export async function emptyDisk(
  folder: string,
  name: string,
  sizeBytes: number,
): Promise<{ path: string; format: string }> {
  const path = join(folder, name);
  await using file = await open(path, 'wx');
  await file.truncate(sizeBytes);
  return { path, format: 'raw' };
}

/** Opens a session on disks while `work` runs. */
export async function withSession<Result>(
  disks: readonly { path: string; format: string }[],
  readOnly: boolean,
  work: (session: Guestfs) => Promise<Result>,
): Promise<Result> {
  await using session = await Guestfs.start({ disks, readOnly, signal: new AbortController().signal });
  const result = await work(session);
  await session.close();
  return result;
}

export type Tree = Readonly<Record<string, string | { link: string } | { folder: true }>>;

/** Writes files below the mounted root, and creates their parent folders. */
export async function writeTree(session: Guestfs, tree: Tree): Promise<void> {
  for (const [path, content] of Object.entries(tree)) {
    const isFolder = typeof content === 'object' && 'folder' in content;
    await session.call(['mkdir-p', isFolder ? path : posix.dirname(path)]);
    if (typeof content === 'string') await session.call(['write', path, content]);
    else if ('link' in content) await session.call(['ln-s', content.link, path]);
  }
}
