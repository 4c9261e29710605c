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

/** The exclusive right of this process to a name, until the claim is disposed of or the process ends. */
export interface FileClaim extends Disposable {
  /** False if no lock could be taken. Nothing prevents other runs from using the name then. */
  readonly isHeld: boolean;
}

/** Another process briefly holds a lock while it checks for stale files. */
const TRIES = 4;
const PAUSE_MS = 25;
/** An unlocked file that is older than this was left by a process that was killed. */
const LEFT_AFTER_MS = 24 * 3_600_000;

/**
 * The names that are claimed by this user's runs on this host. Each claim is a locked file in a folder of the
 * {@link stateFolder}. Only this user can write to that folder, so no other user can take or hold a name. Runs of other
 * users, on other hosts, or with another state folder are not excluded.
 */
export class FileClaims {
  readonly #folder: string;
  readonly #onProblem: (message: string) => void;
  readonly #lock: typeof lockFile;
  #hasTidied = false;
  #hasReportedProblem = false;

  /**
   * `onProblem` is called once, with one sentence, if no lock can be taken; claims are then not held. `lock` is for
   * tests.
   */
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
   * Claims the name `path`, which must be absolute and in an existing folder. Different paths to the same folder are
   * equivalent.
   * @throws Hyper2kvmError kind `busy` while another run, or this one, holds it; `local-file` if its folder cannot be
   * accessed.
   */
  async claim(path: string): Promise<FileClaim> {
    const name = await nameOf(path);
    const lock = await this.#tryLock(name).catch((error: unknown) => {
      if (!(error instanceof Hyper2kvmError)) throw error;
      if (!this.#hasReportedProblem) this.#onProblem(problemSentence(error));
      this.#hasReportedProblem = true;
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

  /**
   * NFS without a lock daemon rejects every lock (ENOLCK). SQLite reports that in the same way as a lock that is held.
   */
  #requireLocks(): void {
    const probe = this.#lock(join(this.#folder, randomBytes(8).toString('hex')));
    if (probe === undefined) {
      throw new Hyper2kvmError('local-file', `The file system of ${this.#folder} has no file locks.`);
    }
    probe[Symbol.dispose]();
  }

  /**
   * Removes the files of killed processes, once.
   * @throws Hyper2kvmError kind `local-file`.
   */
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
 * Returns the same lock name for every path to a file name, because the folder is identified by its inode. Hosts that
 * share the state folder use different lock names, because inode numbers are valid on one host only.
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
