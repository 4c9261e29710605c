import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { Hyper2kvmError } from '../../base/errors.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import { folderNames } from './iso-folders.ts';

/** The depth of the drivers in virtio-win, plus one for a parent folder from unpacking: `NetKVM/w10/amd64`. */
const MOST_DEPTH = 4;

/** virt-v2v uses drivers only from folders with these names, one per processor architecture. */
const PROCESSORS = new Set(['amd64', 'x86', 'i386']);

/**
 * Reads only folder tables.
 * @throws with `--virtio-win` in the message if `path` is not virtio-win: an ISO or a folder with drivers per
 * processor architecture.
 */
export function requireVirtioWin(path: string): void {
  const names = readFolderNames(path);
  if (names.some((name) => PROCESSORS.has(name.toLowerCase()))) return;
  throw new Hyper2kvmError('usage', `--virtio-win ${path} does not contain the virtio-win drivers.`, {
    hint: 'Use virtio-win.iso from the virtio-win project of Fedora, or a folder with all of its content.',
  });
}

function readFolderNames(path: string): string[] {
  try {
    if (statSync(path).isDirectory()) return namesBelow(path);
    const file = openSync(path, 'r');
    try {
      return folderNames((bytes, offset) => readSync(file, bytes, 0, bytes.length, offset));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw localFileError('read', path, error);
  }
}

function namesBelow(folder: string, depth = 1): string[] {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.flatMap(({ name }) => [
    name,
    ...(depth < MOST_DEPTH ? namesBelow(`${folder}/${name}`, depth + 1) : []),
  ]);
}
