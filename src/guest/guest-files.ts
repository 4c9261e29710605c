import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Hyper2kvmError } from '../base/errors.ts';
import type { GuestTree } from './guest-tree.ts';
import type { Guestfs } from './guestfs.ts';

/** Configuration files are far smaller. A larger fstab is not a real one. */
const MOST_FILE_BYTES = 1024 * 1024;
/** The limit of names read from one folder. */
const MOST_NAMES = 20_000;

/**
 * Files of the mounted guest. Paths are absolute and relative to the guest's root: libguestfs resolves symbolic links
 * inside the guest. Texts are read and written as Latin-1, one character per byte, so that unchanged parts stay
 * identical in any encoding.
 */
export class GuestFiles implements GuestTree {
  readonly #session: Guestfs;

  constructor(session: Guestfs) {
    this.#session = session;
  }

  /**
   * The text of a regular file or of a link's target; undefined if there is none.
   * @throws if it is too long for a configuration file.
   */
  async read(path: string, mostBytes = MOST_FILE_BYTES): Promise<string | undefined> {
    // Opening a FIFO would block forever.
    if (!(await this.isFile(path))) return undefined;
    const bytes = await this.#session.call(['pread', path, String(mostBytes + 1), '0']);
    if (bytes.length <= mostBytes) return bytes.toString('latin1');
    throw new Hyper2kvmError('guest', `${path} in the guest is longer than ${mostBytes} bytes.`, {
      hint: 'That is too long for a configuration file. --fix off converts without changing the guest.',
    });
  }

  async readBytes(path: string, mostBytes: number): Promise<Buffer | undefined> {
    if (!(await this.isFile(path))) return undefined;
    const sizeBytes = await this.sizeBytes(path);
    if (sizeBytes > mostBytes) {
      throw new Hyper2kvmError('guest', `${path} in the guest is longer than ${mostBytes} bytes.`);
    }
    const local = this.#scratchFile();
    try {
      await this.#session.call(['download', path, local]);
      return await readFile(local);
    } finally {
      await rm(local, { force: true });
    }
  }

  async isFile(path: string): Promise<boolean> {
    return (await this.#session.text(['is-file', path, 'followsymlinks:true'])) === 'true';
  }

  async isFolder(path: string): Promise<boolean> {
    return (await this.#session.text(['is-dir', path, 'followsymlinks:true'])) === 'true';
  }

  /** Also true for a link, whether or not its target exists. */
  async exists(path: string): Promise<boolean> {
    return (await this.#session.text(['exists', path])) === 'true' || (await this.isLink(path));
  }

  async isLink(path: string): Promise<boolean> {
    return (await this.#session.text(['is-symlink', path])) === 'true';
  }

  /** The target of a link, as written. */
  async linkTarget(path: string): Promise<string | undefined> {
    return (await this.isLink(path)) ? await this.#session.text(['readlink', path]) : undefined;
  }

  /** The path without links; the path itself if its target does not exist. */
  async realPath(path: string): Promise<string> {
    const found = await this.#session.attempt(['realpath', path]);
    return found?.toString('utf8').replace(/\n$/, '') ?? path;
  }

  /** The names in a folder, sorted; empty if there is no such folder. */
  async list(folder: string): Promise<string[]> {
    if (!(await this.isFolder(folder))) return [];
    const local = this.#scratchFile();
    try {
      await this.#session.call(['ls0', folder, local]);
      const names = (await readFile(local, 'utf8')).split('\0');
      return names
        .filter((name) => name !== '')
        .toSorted()
        .slice(0, MOST_NAMES);
    } finally {
      await rm(local, { force: true });
    }
  }

  /** Paths of the direct entries of `folder` whose name matches. */
  async find(folder: string, name: RegExp): Promise<string[]> {
    return (await this.list(folder)).filter((entry) => name.test(entry)).map((entry) => posix.join(folder, entry));
  }

  /** The SELinux label of a file, or of a link's target; undefined if it has none. */
  async label(path: string): Promise<string | undefined> {
    const label = await this.#session.attempt(['getxattr', path, 'security.selinux']);
    return label?.toString('latin1').replace(/[\0\n]+$/, '');
  }

  async sizeBytes(path: string): Promise<number> {
    return Number(await this.#session.text(['filesize', path]));
  }

  /**
   * Writes a file, and creates its folder if needed. An existing file keeps its owner, mode and label; a new one
   * belongs to root and has `mode`.
   */
  async write(path: string, text: string, mode = 0o644): Promise<void> {
    const local = this.#scratchFile();
    const isNew = !(await this.exists(path));
    if (isNew) await this.#session.call(['mkdir-p', posix.dirname(path)]);
    await writeFile(local, Buffer.from(text, 'latin1'), { mode: 0o600, flag: 'wx' });
    try {
      await this.#session.call(['upload', local, path]);
    } finally {
      await rm(local, { force: true });
    }
    if (isNew) await this.#session.call(['chmod', `0${mode.toString(8)}`, path]);
  }

  async remove(path: string): Promise<void> {
    await this.#session.call(['rm-f', path]);
  }

  /** Copies one file or link with owner, mode and attributes, and creates the target folder. */
  async copy(from: string, to: string): Promise<void> {
    await this.#session.call(['mkdir-p', posix.dirname(to)]);
    await this.#session.call(['cp-a', from, to]);
  }

  /** Copies the content of a file, and creates the target folder. */
  async copyContent(from: string, to: string): Promise<void> {
    await this.#session.call(['mkdir-p', posix.dirname(to)]);
    await this.#session.call(['cp', from, to]);
  }

  #scratchFile(): string {
    return join(this.#session.scratchFolder, randomBytes(8).toString('hex'));
  }
}
