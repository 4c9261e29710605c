import { createHash, randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bootId } from './boot-id.ts';
import { Hyper2kvmError, sentenceOf } from '../errors.ts';
import { localFileError } from '../files/local-file-error.ts';
import { lockFile } from './lock-file.ts';
import { makeOwnFolder } from '../files/own-file.ts';
import { stateFolder } from '../files/state-folder.ts';

/** The exclusive right of this process to a name, until it is disposed of or the process ends. */
export interface FileClaim extends Disposable {
  /** False where no lock could be taken: then nothing keeps another run away. */
  readonly isHeld: boolean;
}

/** Another process holds a lock for a moment when it looks for old ones. */
const TRIES = 4;
const PAUSE_MS = 25;
/** A file that has no lock and is older than so much was left by a process that was killed. */
const LEFT_AFTER_MS = 24 * 3_600_000;

/**
 * The names that this user's runs on this host claim: a locked file for each, in a folder of the {@link stateFolder} that only this user can write, so that no other user can take or keep
 * a name. Runs of other users, on other hosts and with another state folder are not kept away.
 */
export class FileClaims {
  readonly #folder: string;
  readonly #onProblem: (message: string) => void;
  readonly #lock: typeof lockFile;
  #hasTidied = false;
  #hasToldProblem = false;

  /** `onProblem` gets one sentence, once, when no lock can be taken; claims are then not held. `lock` is for tests. */
  constructor({
    env,
    onProblem,
    lock = lockFile,
  }: {
    env: NodeJS.ProcessEnv;
    onProblem: (message: string) => void;
    lock?: typeof lockFile;
  }) {
    this.#folder = join(stateFolder(env), 'claims');
    this.#onProblem = onProblem;
    this.#lock = lock;
  }

  /**
   * Claims the name `path` (absolute, in a folder that is there), by whatever path to that folder.
   * @throws Hyper2kvmError `busy` while another run, or this one, holds it; `local-file` when its folder cannot be looked at.
   */
  async claim(path: string): Promise<FileClaim> {
    const name = await nameOf(path);
    const lock = await this.#tryLock(name).catch((error: unknown) => {
      if (!(error instanceof Hyper2kvmError)) throw error;
      if (!this.#hasToldProblem) this.#onProblem(problemSentence(error));
      this.#hasToldProblem = true;
      return NO_LOCK;
    });
    if (lock === undefined) {
      throw new Hyper2kvmError('busy', `Another run of hyper2kvm is writing ${path}.`, {
        hint: 'Wait until it has ended, or choose another --output.',
      });
    }
    return { isHeld: lock !== NO_LOCK, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  }

  async #tryLock(name: string): Promise<Disposable | undefined> {
    await makeOwnFolder(this.#folder);
    await this.#tidy();
    const path = join(this.#folder, name);
    for (let attempt = 1; ; attempt += 1) {
      const lock = this.#lock(path);
      if (lock !== undefined) return lock;
      if (attempt === TRIES) break;
      await pause(PAUSE_MS);
    }
    this.#requireLocks();
    return undefined;
  }

  /** NFS without a lock daemon refuses every lock (ENOLCK), and SQLite reports that as it reports one that is taken. */
  #requireLocks(): void {
    const probe = this.#lock(join(this.#folder, randomBytes(8).toString('hex')));
    if (probe === undefined) {
      throw new Hyper2kvmError('local-file', `The file system of ${this.#folder} has no file locks.`);
    }
    probe[Symbol.dispose]();
  }

  /** Removes the files of killed processes, once. Throws kind `local-file`. */
  async #tidy(): Promise<void> {
    if (this.#hasTidied) return;
    this.#hasTidied = true;
    try {
      for (const name of await readdir(this.#folder)) {
        const path = join(this.#folder, name);
        const found = await stat(path).catch(() => undefined);
        if (found !== undefined && Date.now() - found.mtimeMs > LEFT_AFTER_MS) this.#lock(path)?.[Symbol.dispose]();
      }
    } catch (error) {
      throw localFileError('read', this.#folder, error);
    }
  }
}

const NO_LOCK: Disposable = { [Symbol.dispose]: () => {} };

function problemSentence(error: Hyper2kvmError): string {
  return `Locking in the state folder failed, so do not start a second run with the same output: ${sentenceOf(error)}`;
}

/**
 * The same for every path to one name: the folder is known by its inode. Hosts that share the state folder have other names, since an inode number of one host means nothing to another.
 */
async function nameOf(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(dirname(path), { bigint: true });
    return createHash('sha256')
      .update(`${bootId()}:${dev}:${ino}/${basename(path)}`)
      .digest('hex');
  } catch (error) {
    throw localFileError('access', dirname(path), error);
  }
}
