import { open } from 'node:fs/promises';
import { digestOf } from '../base/files/file-digest.ts';
import { localFileError } from '../base/files/local-file-error.ts';
import type { FolderOutput } from '../base/output/folder-output.ts';
import { Hyper2kvmError } from '../base/errors.ts';
import { manifestText } from '../ovf/files/manifest.ts';

/** The manifest of a result whose images are called `baseName` and something. */
export function manifestName(baseName: string): string {
  return `${baseName}.mf`;
}

/** A complete file that still has its partial name. */
export interface FileToList {
  name: string;
  /** The hash of its bytes, if it is known; otherwise the file is read. */
  sha256?: string | undefined;
}

export interface ListedFile {
  name: string;
  sha256: string;
}

/**
 * Writes the manifest of complete files as a complete file of the output. An image is written in an order that no hash
 * of its bytes can follow, and a fix changes it afterwards, so it is read once more. Returns the files with their
 * hashes, and the manifest as the last one.
 * @throws kind `local-file`.
 */
export async function writeManifest(
  output: FolderOutput,
  name: string,
  files: readonly FileToList[],
  signal: AbortSignal | undefined,
): Promise<ListedFile[]> {
  const listed: ListedFile[] = [];
  for (const file of files) {
    listed.push({ name: file.name, sha256: file.sha256 ?? (await hashFile(output.pathOf(file.name), signal)) });
  }
  const { sha256 } = await output.writeText(name, manifestText(listed));
  return [...listed, { name, sha256 }];
}

async function hashFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    await using handle = await open(path);
    const { size } = await handle.stat();
    const digest = await digestOf(handle, 0, size, signal);
    if (digest !== undefined) return digest;
  } catch (error) {
    signal?.throwIfAborted();
    throw localFileError('read', path, error);
  }
  throw new Hyper2kvmError('local-file', `${path} became shorter while it was read.`, {
    hint: 'Run the same command again when no other program writes to that folder.',
  });
}
