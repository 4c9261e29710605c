import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localFileError } from '../base/files/local-file-error.ts';
import { signalGroup } from '../base/process/process-group.ts';
import { scratchEnvironment } from './appliance-environment.ts';
import { spawnTied } from '../base/process/tied-process.ts';

/** libguestfs' own messages are limited to 4 MiB. Longer output is not a response to one of our commands. */
const MOST_OUTPUT_BYTES = 64 * 2 ** 20;
const MOST_ERROR_BYTES = 256 * 1024;
const TERM_LIMIT_MS = 5000;

/** The output of a guestfish command. */
interface Answer {
  output: Buffer;
  /** Its standard error. */
  said: string;
  /** Why the output is incomplete: guestfish has ended, the time limit was reached, or the output was too long. */
  cut?: 'ended' | 'late' | 'too-long';
}

/**
 * A guestfish process that reads commands from its standard input. It ends with this process, and so does its
 * appliance. A random mark, which a guest cannot know, separates the output of commands.
 */
export class GuestfishProcess {
  /** A folder on this host for files on their way to and from the guest; removed with the process. */
  readonly scratchFolder: string;
  readonly #child: ChildProcessWithoutNullStreams;
  #output: Buffer[] = [];
  #errors: Buffer[] = [];
  #outputBytes = 0;
  #errorBytes = 0;
  #arrived: () => void = () => {};
  #ended = false;

  private constructor(child: ChildProcessWithoutNullStreams, scratchFolder: string) {
    this.#child = child;
    this.scratchFolder = scratchFolder;
    child.stdout.on('data', (piece: Buffer) => this.#take(this.#output, piece));
    child.stderr.on('data', (piece: Buffer) => this.#take(this.#errors, piece));
    child.stdin.on('error', () => {}); // The end of the process reports the error.
    child.on('close', () => {
      this.#ended = true;
      this.#arrived();
    });
  }

  static async spawn(env: NodeJS.ProcessEnv): Promise<GuestfishProcess> {
    const scratch = await mkdtemp(join(tmpdir(), 'hyper2kvm-guest-'));
    const child = spawnTied(['guestfish', '--keys-from-stdin', '--no-progress-bars'], {
      env: { ...env, ...scratchEnvironment(scratch) },
      scratch,
    });
    try {
      await once(child, 'spawn');
    } catch (cause) {
      await rm(scratch, { recursive: true, force: true });
      throw localFileError('run', '/bin/sh', cause);
    }
    return new GuestfishProcess(child, scratch);
  }

  /** The id of its process group. */
  get group(): number | undefined {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /**
   * Sends a command line and the lines that the command reads, and waits for its complete output. One command at a
   * time.
   */
  async ask(lines: readonly string[], deadline: AbortSignal): Promise<Answer> {
    this.#clear();
    const mark = Buffer.from(`\n${randomBytes(16).toString('hex')}\n`);
    const hex = mark.toString().trim();
    // Both are sockets, which no program can open by name.
    const echo = `! printf '\\n%s\\n' ${hex}; printf '\\n%s\\n' ${hex} >&2`;
    this.#child.stdin.write([...lines, echo, ''].join('\n'));
    const wake = (): void => this.#arrived();
    deadline.addEventListener('abort', wake);
    try {
      while (!(endsWith(this.#output, mark) && endsWith(this.#errors, mark))) {
        if (this.#ended) return this.#answer(mark, 'ended');
        if (deadline.aborted) return this.#answer(mark, 'late');
        if (this.#outputBytes > MOST_OUTPUT_BYTES) return this.#answer(mark, 'too-long');
        await this.#nextArrival();
      }
    } finally {
      deadline.removeEventListener('abort', wake);
    }
    return this.#answer(mark);
  }

  /** Waits for the process to exit, and kills it after a limit. {@link kill} removes its folder. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#signalGroup('SIGTERM'), TERM_LIMIT_MS);
    while (!this.#ended) await this.#nextArrival();
    clearTimeout(timer);
  }

  /** Ends the process immediately. Never throws. */
  async kill(): Promise<void> {
    this.#child.stdin.end();
    this.#signalGroup('SIGTERM');
    const timer = setTimeout(() => this.#signalGroup('SIGKILL'), TERM_LIMIT_MS);
    while (!this.#ended) await this.#nextArrival();
    clearTimeout(timer);
    await rm(this.scratchFolder, { recursive: true, force: true }).catch(() => {});
  }

  #answer(mark: Buffer, cutBy?: Answer['cut']): Answer {
    const said = cut(Buffer.concat(this.#errors), mark).toString('utf8').trim();
    const output = cut(Buffer.concat(this.#output), mark);
    return cutBy === undefined ? { output, said } : { output, said, cut: cutBy };
  }

  #clear(): void {
    this.#output = [];
    this.#errors = [];
    this.#outputBytes = 0;
    this.#errorBytes = 0;
  }

  #take(pieces: Buffer[], piece: Buffer): void {
    const isError = pieces === this.#errors;
    if (isError) this.#errorBytes += piece.length;
    else this.#outputBytes += piece.length;
    pieces.push(piece);
    // Of unlimited error output, only the last part is kept.
    while (this.#errorBytes > MOST_ERROR_BYTES && this.#errors.length > 1) {
      this.#errorBytes -= this.#errors.shift()?.length ?? 0;
    }
    this.#arrived();
  }

  async #nextArrival(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#arrived = resolve;
    await promise;
  }

  #signalGroup(name: NodeJS.Signals): void {
    if (!this.#ended) signalGroup(this.#child, name);
  }
}

function endsWith(pieces: readonly Buffer[], mark: Buffer): boolean {
  const last = pieces.at(-1);
  if (!last) return false;
  const end = last.length >= mark.length ? last : Buffer.concat(pieces);
  return end.subarray(-mark.length).equals(mark);
}

function cut(bytes: Buffer, mark: Buffer): Buffer {
  const end = bytes.length - mark.length;
  return end >= 0 && bytes.subarray(end).equals(mark) ? bytes.subarray(0, end) : bytes;
}
