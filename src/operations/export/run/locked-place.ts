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
 * Locks the place of a VM's export, and removes the drafts of small files that a killed run left there. Makes the folder, and leaves none that it made and nothing came into.
 * @throws Hyper2kvmError `busy` while another run has it.
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
 * Removes what a run that was killed at its very end left beside a whole export. It does no harm there: what another run holds, or cannot be removed from a folder that may only be
 * read, stays.
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
