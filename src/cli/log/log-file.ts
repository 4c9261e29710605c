import { writeSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { Hyper2kvmError } from '../../base/errors.ts';
import { errnoOf, localFileError } from '../../base/files/local-file-error.ts';

/** Lines that wait for a disk that hangs; some ten thousand. What comes beyond them is counted and not kept. */
const MOST_WAITING_BYTES = 1024 * 1024;

export interface LogFileOptions {
  path: string;
  /** Told once, in a sentence, when a line cannot be written. */
  onProblem: (message: string) => void;
  /** The line that stands for so many lost ones. */
  lostLine: (count: number) => string;
}

/**
 * A file that lines are appended to, in order and without waiting. Each write is one append of the system, so that several processes can share the file. One
 * that was renamed or removed meanwhile, as logrotate does, is opened anew under its name; one that was cut to nothing goes on at its new end.
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
  #problemTold = false;

  private constructor(options: LogFileOptions, handle: FileHandle) {
    this.#options = options;
    this.#handle = handle;
  }

  /** Opens the file, or makes it with mode 0600. Throws kind `local-file`, also for what is not a regular file. */
  static async open(options: LogFileOptions): Promise<LogFile> {
    const { path } = options;
    try {
      const known = await stat(path).catch(ifMissing);
      // A named pipe would keep us waiting for a reader.
      if (known !== undefined && !known.isFile()) throw notRegular(path);
      return new LogFile(options, await openToAppend(path));
    } catch (error) {
      const failure = localFileError('open the log', path, error);
      if (!(failure instanceof Hyper2kvmError) || failure === error) throw failure;
      const hint = 'Set --log-file to a file in an existing folder where you have write permission.';
      throw new Hyper2kvmError('local-file', failure.message, { hint, cause: error });
    }
  }

  /** Appends a line, which has its line feed. Never throws, and never waits. */
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

  /** Appends a line before it returns, for a process that is about to end. */
  writeNow(line: string): void {
    try {
      writeSync(this.#handle.fd, this.#waiting.splice(0).join('') + line);
    } catch {
      // There is nobody left to tell.
    }
  }

  /** Resolves when all is written that can be, and the file is closed. */
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

  /** Opens the file of that name if it is another one by now. Where that fails, the old one goes on. */
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
      // See above.
    }
  }

  #tell(error: unknown): void {
    if (this.#problemTold) return;
    this.#problemTold = true;
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
