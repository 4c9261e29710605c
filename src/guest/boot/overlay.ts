import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '../../base/child-environment.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import type { DiskFormat } from './boot-machine.ts';

const LIMIT_MS = 60_000;

/**
 * Makes an empty qcow2 at `path` over a disk that is only read; its format is never guessed, since a guest could have written another one's header. Throws kind
 * `image` when qemu-img cannot.
 */
export async function createOverlay(
  qemuImg: string,
  { path, disk, format }: { path: string; disk: string; format: DiskFormat },
  signal: AbortSignal,
): Promise<void> {
  const args = ['create', '-q', '-f', 'qcow2', '-F', format, '-b', disk, path];
  try {
    await promisify(execFile)(qemuImg, args, { env: childEnvironment(process.env), timeout: LIMIT_MS, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new Hyper2kvmError('image', `qemu-img cannot make an overlay over ${disk}: ${saidBy(error)}`, {
      cause: error,
      hint: 'Look at the disk with qemu-img info.',
    });
  }
}

/** The last line that a program put on standard error. */
function saidBy(error: unknown): string {
  const stderr = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : '';
  return stderr.split('\n').at(-1) || sentenceOf(error);
}
