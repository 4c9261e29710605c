import { copyFile, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { localFileError } from '../../../base/files/local-file-error.ts';
import { makeFolder } from '../../../base/files/make-folder.ts';
import { Hyper2kvmError } from '../../../base/errors.ts';
import type { BootMachine } from './boot-machine.ts';
import { createOverlay } from './overlay.ts';
import type { BootFiles } from './qemu-arguments.ts';

/** A first boot writes a few hundred MB. A guest that writes this much is doing something else. */
const MOST_OVERLAY_BYTES = 8 * 2 ** 30;
const SECTOR_BYTES = 512;

/**
 * The temporary files of one run: overlays, captures, UEFI variables. They are unlinked once QEMU has opened them, so
 * that nothing remains however the run ends.
 */
export class RunFiles implements AsyncDisposable {
  readonly names: BootFiles;
  readonly #open: FileHandle[] = [];
  #overlays: FileHandle[] = [];

  private constructor(names: BootFiles) {
    this.names = names;
  }

  /**
   * Creates the files in `folder`, and the folder if it is missing. On an error, no file remains.
   * @throws kind `local-file` or `image`.
   */
  static async create(folder: string, machine: BootMachine, qemuImg: string, signal: AbortSignal): Promise<RunFiles> {
    const { disks, nics, firmware } = machine;
    const files = new RunFiles({
      overlays: disks.map((_disk, index) => join(folder, `overlay-${index}.qcow2`)),
      frames: nics.map((_nic, index) => join(folder, `frames-${index}.pcap`)),
      vars: firmware.kind === 'uefi' ? join(folder, 'uefi-variables.fd') : undefined,
    });
    try {
      await makeFolder(folder, { mode: 0o700 });
      for (const [index, { path: disk, format }] of disks.entries()) {
        await createOverlay(qemuImg, { path: files.names.overlays[index] ?? '', disk, format }, signal);
      }
      if (firmware.kind === 'uefi') await copyVariables(firmware.varsPath, files.names.vars ?? '');
      return files;
    } catch (error) {
      await files.#unlink();
      throw localFileError('write', folder, error);
    }
  }

  /**
   * Called once QEMU has opened the files. Unlinks them, and returns the captures, open for reading and in NIC order.
   */
  async detach(): Promise<FileHandle[]> {
    this.#overlays = await this.#openAll(this.names.overlays);
    const frames = await this.#openAll(this.names.frames);
    await this.#unlink();
    return frames;
  }

  /** @throws kind `guest` if the guest has written more than any boot does. */
  async checkSize(): Promise<void> {
    let bytes = 0;
    for (const overlay of this.#overlays) bytes += (await overlay.stat()).blocks * SECTOR_BYTES;
    if (bytes <= MOST_OVERLAY_BYTES) return;
    const gib = MOST_OVERLAY_BYTES / 2 ** 30;
    throw new Hyper2kvmError(
      'guest',
      `The guest has written more than ${gib} GiB in its boot test, which was stopped.`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((file) => file.close()));
    await this.#unlink();
  }

  async #openAll(paths: readonly string[]): Promise<FileHandle[]> {
    const files: FileHandle[] = [];
    for (const path of paths) {
      const file = await open(path, 'r');
      this.#open.push(file);
      files.push(file);
    }
    return files;
  }

  async #unlink(): Promise<void> {
    const { overlays, frames, vars } = this.names;
    const paths = [...overlays, ...frames, ...(vars === undefined ? [] : [vars])];
    await Promise.all(paths.map((path) => rm(path, { force: true })));
  }
}

/** A template is often read-only; QEMU must be able to write its copy. */
async function copyVariables(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const file = await open(to, 'r+');
  try {
    await file.chmod(0o600);
  } finally {
    await file.close();
  }
}
