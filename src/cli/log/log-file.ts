import { writeSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import { errnoOf, localFileError } from '../../base/files/local-file-error.ts';

/** Limit for lines that are queued while the disk hangs, about ten thousand. Further lines are counted and dropped. */
const MOST_WAITING_BYTES = 1024 * 1024;

export interface LogFileOptions {
  path: string;
  /** Called once, with a sentence, when a line cannot be written. */
  onProblem: (message: string) => void;
  /** The line that replaces this many dropped ones. */
  lostLine: (count: number) => string;
}

/**
 * A file to which lines are appended in order, without waiting. Each write is a single append system call, so several
 * processes can share the file. A file that was renamed or removed, as by logrotate, is reopened under its name. A file
 * that was truncated continues at its new end.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  #handle: FileHandle;
  readonly #waiting: string[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #lost = 0;
  /** The last write ended within a line. */
  #isTorn = false;
  #problemReported = false;

  private constructor(options: LogFileOptions, handle: FileHandle) {
    this.#options = options;
    this.#handle = handle;
  }

  /**
   * Opens the file, or creates it with mode 0600.
   * @throws Hyper2kvmError `local-file`, also for anything but a regular file.
   */
  static async open(options: LogFileOptions): Promise<LogFile> {
    const { path } = options;
    try {
      const known = await stat(path).catch(ifMissing);
      // Opening a named pipe would block until it has a reader.
      if (known !== undefined && !known.isFile()) throw notRegular(path);
      return new LogFile(options, await openToAppend(path));
    } catch (error) {
      const failure = localFileError('open the log', path, error);
      if (!(failure instanceof Hyper2kvmError) || failure === error) throw failure;
      const hint = 'Set --log-file to a file in an existing folder where you have write permission.';
      throw new Hyper2kvmError('local-file', failure.message, { hint, cause: error });
    }
  }

  /** Appends a line, which includes its line feed. Never throws and never waits. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > MOST_WAITING_BYTES) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += bytes;
    this.#writing ??= this.#drain();
  }

  /** Appends a line synchronously, for a process that is about to exit. */
  writeNow(line: string): void {
    try {
      writeSync(this.#handle.fd, this.#waiting.splice(0).join('') + line);
    } catch {
      // Nobody is left to report it to.
    }
  }

  /** Resolves when everything that can be written is written, and the file is closed. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#handle.close().catch(() => {});
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0);
      this.#waitingBytes = 0;
      try {
        await this.#followName();
        const lost = this.#lost > 0 ? this.#options.lostLine(this.#lost) : '';
        await this.#append(`${this.#isTorn ? '\n' : ''}${lost}${lines.join('')}`);
        this.#lost = 0;
      } catch (error) {
        this.#lost += lines.length;
        this.#tell(error);
      }
    }
    this.#writing = undefined;
  }

  async #append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written);
      written += bytesWritten;
      this.#isTorn = bytes[written - 1] !== 0x0a;
    }
  }

  /** Reopens the file if its name now refers to another one. If that fails, keeps using the old one. */
  async #followName(): Promise<void> {
    const { path } = this.#options;
    try {
      const [own, named] = [await this.#handle.stat(), await stat(path).catch(ifMissing)];
      if (named !== undefined && (!named.isFile() || (named.ino === own.ino && named.dev === own.dev))) return;
      const handle = await openToAppend(path);
      await this.#handle.close();
      this.#handle = handle;
      this.#isTorn = false;
    } catch {
      // The old file stays in use.
    }
  }

  #tell(error: unknown): void {
    if (this.#problemReported) return;
    this.#problemReported = true;
    const failure = localFileError('write the log', this.#options.path, error);
    const sentence = failure instanceof Error ? failure.message : String(failure);
    this.#options.onProblem(`${sentence} The job continues; lines of the log are missing.`);
  }
}

function openToAppend(path: string): Promise<FileHandle> {
  return open(path, 'a', 0o600);
}

function ifMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

function notRegular(path: string): Hyper2kvmError {
  return new Hyper2kvmError('local-file', `The log ${path} is not a regular file.`, {
    hint: 'Choose another --log-file.',
  });
}
