import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDraftOf } from '../../../base/files/atomic-file.ts';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { errnoOf, localFileError } from '../../../base/files/local-file-error.ts';
import { lockOutput, type LockRequest } from '../../../jobs/output-lock.ts';
import { makeFolder } from '../../../base/files/make-folder.ts';
import { removeMadeFolders } from '../../../base/output/local-folder.ts';

const lockName = (baseName: string): string => `.${baseName}.hyper2kvm-lock`;

/**
 * Locks the folder for the export of a VM, and removes temporary files of small records that a killed run left there.
 * Creates the folder; removes it again if it was created here and stayed empty.
 * @throws Hyper2kvmError `busy` while another run holds the lock.
 */
export async function lockPlace(folder: string, baseName: string, request: LockRequest): Promise<AsyncDisposable> {
  await using place = new AsyncDisposableStack();
  const topmost = await makeFolder(folder);
  place.defer(() => removeMadeFolders(folder, topmost));
  place.use(await lockOutput(join(folder, lockName(baseName)), request));
  try {
    const drafts = (await readdir(folder)).filter((name) => isDraft(name, baseName));
    for (const name of drafts) await rm(join(folder, name), { force: true });
  } catch (error) {
    throw localFileError('remove old files in', folder, error);
  }
  return place.move();
}

/**
 * Removes temporary files that a run killed at its very end left next to a complete export. Ignores failures, because
 * such files are harmless: another run may hold the lock, or the folder may be read-only.
 */
export async function tidyPlace(folder: string, baseName: string, request: LockRequest): Promise<void> {
  try {
    const names = await readdir(folder);
    if (!names.includes(lockName(baseName)) && !names.some((name) => isDraft(name, baseName))) return;
    const place = await lockPlace(folder, baseName, request);
    await place[Symbol.asyncDispose]();
  } catch (error) {
    if (!(error instanceof Hyper2kvmError) && errnoOf(error) === undefined) throw error;
  }
}

const isDraft = (name: string, baseName: string): boolean => isDraftOf(name, `.${baseName}.hyper2kvm-`);
