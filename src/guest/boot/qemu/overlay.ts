import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '../../../base/process/child-environment.ts';
import { Hyper2kvmError, sentenceOf } from '../../../base/errors.ts';
import { findProgram } from '../../../base/process/find-program.ts';

const CREATE_LIMIT_MS = 60_000;
/** A rebuilt initramfs for several kernels has a few hundred MiB; a slow disk writes 1 MiB/s. */
const COMMIT_LIMIT_MS = 3_600_000;

export interface OverlayOptions {
  /** The path of the new overlay. */
  path: string;
  /** Its backing file, which is only read. */
  disk: string;
  /** The format of `disk`. It is never probed, since a guest can write the header of another format. */
  format: string;
}

/**
 * The path of qemu-img, which `user` needs.
 * @throws kind `host`, naming the packages, if it is not installed.
 */
export function requireQemuImg(env: NodeJS.ProcessEnv, user: string): string {
  const path = findProgram('qemu-img', env);
  if (path !== undefined) return path;
  throw new Hyper2kvmError('host', `qemu-img is not installed; ${user} needs it.`, {
    hint: 'Install the package qemu-utils (Debian, Ubuntu) or qemu-img (Fedora, RHEL, openSUSE).',
  });
}

/**
 * Creates an empty qcow2 overlay for an image.
 * @throws kind `image` if qemu-img fails.
 */
export async function createOverlay(
  qemuImg: string,
  { path, disk, format }: OverlayOptions,
  signal: AbortSignal,
): Promise<void> {
  const args = ['create', '-q', '-f', 'qcow2', '-F', format, '-b', disk, path];
  await runQemuImg(qemuImg, args, { limitMs: CREATE_LIMIT_MS, doing: `create an overlay over ${disk}` }, signal);
}

/** Commits an overlay into its backing file. If this fails or is aborted, the image is unusable. */
export async function commitOverlay(qemuImg: string, path: string, signal: AbortSignal): Promise<void> {
  const args = ['commit', '-q', '-d', '-f', 'qcow2', path];
  await runQemuImg(
    qemuImg,
    args,
    { limitMs: COMMIT_LIMIT_MS, doing: `write the changes in ${path} to its image` },
    signal,
  );
}

async function runQemuImg(
  qemuImg: string,
  args: readonly string[],
  { limitMs, doing }: { limitMs: number; doing: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await promisify(execFile)(qemuImg, args, { env: childEnvironment(process.env), timeout: limitMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new Hyper2kvmError('image', `qemu-img cannot ${doing}: ${saidBy(error)}`, {
      cause: error,
      hint: 'Inspect the disk with qemu-img info.',
    });
  }
}

/** The last line of a program's standard error. */
function saidBy(error: unknown): string {
  const stderr = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : '';
  return stderr.split('\n').at(-1) || sentenceOf(error);
}
