import { open, rm } from 'node:fs/promises';
import { localFileError } from '../../base/files/local-file-error.ts';
import type { GuestfsDisk } from '../../guest/guestfs.ts';
import { commitOverlay, createOverlay, requireQemuImg } from '../../guest/overlay.ts';
import { finalNameOf, partialPath } from '../../base/output/partial-name.ts';

/**
 * Overlays over the images of a VM, next to them. A fix writes to the overlays: until {@link StagedImages.commit}, the images stay as they are,
 * whatever happens to the fix. Dispose of it to remove the overlays.
 */
export class StagedImages implements AsyncDisposable {
  readonly #qemuImg: string;
  /** The overlays, in the order of the images. */
  readonly disks: readonly GuestfsDisk[];

  private constructor(qemuImg: string, disks: readonly GuestfsDisk[]) {
    this.#qemuImg = qemuImg;
    this.disks = disks;
  }

  /** Throws kind `host` without qemu-img, and kind `local-file` if an overlay cannot be created. */
  static async create(
    images: readonly GuestfsDisk[],
    env: NodeJS.ProcessEnv,
    signal: AbortSignal,
  ): Promise<StagedImages> {
    const qemuImg = requireQemuImg(env, '--fix');
    const disks = images.map(({ path }) => ({ path: overlayPath(path), format: 'qcow2' }));
    const staged = new StagedImages(qemuImg, disks);
    try {
      for (const { path, format } of images) {
        const overlay = overlayPath(path);
        await createPrivate(overlay);
        await createOverlay(qemuImg, { path: overlay, disk: path, format }, signal);
      }
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
    return staged;
  }

  /** Writes all changes into the images. If this fails or is aborted, the images are unusable. */
  async commit(signal: AbortSignal): Promise<void> {
    for (const { path } of this.disks) await commitOverlay(this.#qemuImg, path, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { path } of this.disks) await rm(path, { force: true });
  }
}

/** Where the overlay of an image is. A run that was killed leaves it there. */
export function overlayPath(image: string): string {
  return partialPath(`${finalNameOf(image) ?? image}.overlay`);
}

/** qemu-img keeps the mode of a file that exists; a new one would be readable by everybody. */
async function createPrivate(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    throw localFileError('create', path, error);
  }
}
