import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { flushFolder } from '../../base/files/atomic-file.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import type { GuestfsDisk } from '../../guest/guestfs.ts';
import { commitOverlay, createOverlay, requireQemuImg } from '../../guest/boot/qemu/overlay.ts';
import { finalNameOf, partialPath } from '../../base/output/partial-name.ts';

/**
 * Overlays on the images of a VM, stored next to them. A fix writes to the overlays: until {@link
 * StagedImages.commit} the images stay unchanged, whether or not the fix succeeds. Dispose to remove the overlays.
 */
export class StagedImages implements AsyncDisposable {
  readonly #qemuImg: string;
  /** The overlays, in the order of the images. */
  readonly disks: readonly GuestfsDisk[];

  private constructor(qemuImg: string, disks: readonly GuestfsDisk[]) {
    this.#qemuImg = qemuImg;
    this.disks = disks;
  }

  /**
   * Creates the overlays, and replaces those that a killed run left. `user` names the flag that needs them.
   * @throws kind `host` without qemu-img, kind `local-file` if an overlay cannot be created.
   */
  static async create(
    images: readonly GuestfsDisk[],
    env: NodeJS.ProcessEnv,
    signal: AbortSignal,
    user = '--fix',
  ): Promise<StagedImages> {
    const staged = StagedImages.ofEarlierRun(images, env, user);
    try {
      for (const { path, format } of images) {
        const overlay = overlayPath(path);
        await createPrivate(overlay);
        await createOverlay(staged.#qemuImg, { path: overlay, disk: path, format }, signal);
      }
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
    return staged;
  }

  /**
   * The overlays that an earlier run created over these images, without a check that they exist.
   * @throws kind `host` without qemu-img.
   */
  static ofEarlierRun(images: readonly GuestfsDisk[], env: NodeJS.ProcessEnv, user: string): StagedImages {
    const disks = images.map(({ path }) => ({ path: overlayPath(path), format: 'qcow2' }));
    return new StagedImages(requireQemuImg(env, user), disks);
  }

  /** Flushes the overlays, so that they survive a crash of the host. */
  async flush(): Promise<void> {
    for (const { path } of this.disks) await flushFile(path);
    for (const folder of new Set(this.disks.map(({ path }) => dirname(path)))) await flushFolder(folder);
  }

  /**
   * Writes all changes into the images. If this fails or is aborted, the images are unusable until it is repeated: the
   * overlays keep the changes, and a second commit writes the same bytes.
   */
  async commit(signal: AbortSignal): Promise<void> {
    for (const { path } of this.disks) await commitOverlay(this.#qemuImg, path, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { path } of this.disks) await rm(path, { force: true });
  }
}

/** The path of an image's overlay. A killed run leaves it behind. */
export function overlayPath(image: string): string {
  return partialPath(`${finalNameOf(image) ?? image}.overlay`);
}

/** @throws kind `local-file`. */
export async function flushFile(path: string): Promise<void> {
  try {
    await using file = await open(path, constants.O_RDWR);
    await file.sync();
  } catch (error) {
    throw localFileError('write', path, error);
  }
}

/** qemu-img keeps the mode of an existing file; a file that it creates would be world-readable. */
async function createPrivate(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    throw localFileError('create', path, error);
  }
}
