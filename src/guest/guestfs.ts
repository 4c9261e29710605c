import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hyper2kvmError } from '../base/errors.ts';
import { localFileError } from '../base/local-file-error.ts';
import { findAccelerator } from './boot/accelerator.ts';
import { findQemuSystem } from './boot/find-qemu.ts';
import { commandLine } from './guestfs-words.ts';
import { hasGuestfish } from './has-guestfish.ts';
import { applianceFailed, MissingGuestfishError, stageFailed, stageTooLong } from './guestfs-errors.ts';

export interface GuestfsDisk {
  path: string;
  format: string;
}

export interface GuestfsOptions {
  /** In the order in which the guest sees them. */
  disks: readonly GuestfsDisk[];
  /** Every write goes to an overlay that is thrown away: the images stay as they are to the byte. */
  readOnly: boolean;
  signal: AbortSignal;
  /** Of guestfish: tells where programs are. Undefined is that of the process. */
  env?: NodeJS.ProcessEnv | undefined;
}

export interface CallOptions {
  limitMs?: number;
  /** Lines that the command reads besides its words: keys, so that they stand in no command line. */
  input?: readonly string[];
}

/** How a command ended: `error` is what guestfish said, undefined when it succeeded. */
interface CallOutcome {
  output: Buffer;
  error: string | undefined;
}

/** The shell outlives a kill of this program: guestfish then ends with its input, and its folder goes all the same. */
const GUESTFISH_AND_CLEAN_UP = 'guestfish --keys-from-stdin --no-progress-bars; code=$?; rm -rf -- "$1"; exit "$code"';

const DEFAULT_LIMIT_MS = 300_000;
/** The appliance starts in 4 to 10 s with KVM and in about 30 s without; the first time supermin builds it. */
const LAUNCH_LIMIT_MS = 600_000;
/** libguestfs' own messages end at 4 MiB; what is longer is no answer to a command of ours. */
const MOST_OUTPUT_BYTES = 64 * 2 ** 20;
const MOST_ERROR_BYTES = 256 * 1024;
const END_LIMIT_MS = 60_000;
const TERM_LIMIT_MS = 5000;

/**
 * A guestfish that runs and takes one command at a time on its standard input. When this process dies, that input ends, and guestfish and its
 * appliance with it. Its words are quoted byte by byte; what it writes is cut from the next command's by a random mark, which a guest cannot know.
 *
 * Close it on every way out: {@link Guestfs.close} writes what is pending, {@link Guestfs.kill} does not.
 */
export class Guestfs implements AsyncDisposable {
  /** A folder of this host for files on their way from and to the guest; gone with the session. */
  readonly scratchFolder: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #signal: AbortSignal;
  #output: Buffer[] = [];
  #errors: Buffer[] = [];
  #outputBytes = 0;
  #errorBytes = 0;
  #arrived: () => void = () => {};
  #ended = false;
  /** The command before: guestfish answers one at a time. */
  #previous: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcessWithoutNullStreams, scratchFolder: string, signal: AbortSignal) {
    this.#child = child;
    this.scratchFolder = scratchFolder;
    this.#signal = signal;
    child.stdout.on('data', (piece: Buffer) => this.#take(this.#output, piece));
    child.stderr.on('data', (piece: Buffer) => this.#take(this.#errors, piece));
    child.stdin.on('error', () => {}); // The end of the process tells.
    child.on('close', () => {
      this.#ended = true;
      this.#arrived();
    });
  }

  /**
   * Starts guestfish and its appliance on `disks`. Throws kind `host` when guestfish is not installed or its appliance does not start. Where KVM
   * is there and does not work (nested machines), the appliance is emulated.
   */
  static async start(options: GuestfsOptions): Promise<Guestfs> {
    options.signal.throwIfAborted();
    const settings = 'LIBGUESTFS_BACKEND_SETTINGS';
    const { env = process.env } = options;
    const qemu = findQemuSystem(env);
    const isOwnChoice = env[settings] !== undefined;
    if (isOwnChoice || qemu === undefined) return Guestfs.#launch({ ...options, env });
    const { accelerator } = await findAccelerator(qemu, options.signal);
    const choice = accelerator === 'tcg' ? { [settings]: 'force_tcg' } : {};
    return Guestfs.#launch({ ...options, env: { ...env, ...choice } });
  }

  static async #launch({ disks, readOnly, signal, env = process.env }: GuestfsOptions): Promise<Guestfs> {
    if (!hasGuestfish(env)) throw new MissingGuestfishError();
    const scratch = await mkdtemp(join(tmpdir(), 'hyper2kvm-guest-'));
    const child = spawn('/bin/sh', ['-c', GUESTFISH_AND_CLEAN_UP, 'sh', scratch], {
      env: { ...env, ...environment(scratch) },
      // A group of its own: Ctrl-C in the terminal reaches this program, which ends guestfish in order.
      detached: true,
    });
    try {
      await once(child, 'spawn');
    } catch (cause) {
      await rm(scratch, { recursive: true, force: true });
      throw localFileError('run', '/bin/sh', cause);
    }
    const session = new Guestfs(child, scratch, signal);
    try {
      const mode = readOnly ? ['readonly:true'] : [];
      // The result is not final before it was flushed as a whole: a cache that survives no crash is enough, and faster.
      const cache = readOnly ? [] : ['cachemode:unsafe'];
      for (const { path, format } of disks) {
        await session.call(['add-drive', path, `format:${format}`, ...mode, ...cache]);
      }
      const { error } = await session.#run(['run'], { limitMs: LAUNCH_LIMIT_MS });
      if (error !== undefined) throw applianceFailed(error);
      return session;
    } catch (error) {
      await session.kill();
      throw error;
    }
  }

  /** Runs one command and gives what it wrote. Throws when it failed, took too long, or the signal aborted; the last two end the session. */
  async call(command: readonly string[], options: CallOptions = {}): Promise<Buffer> {
    const { output, error } = await this.#run(command, options);
    if (error !== undefined) throw stageFailed(command[0] ?? '', error);
    return output;
  }

  /** {@link call} for text without its last line end. */
  async text(command: readonly string[], options?: CallOptions): Promise<string> {
    return (await this.call(command, options)).toString('utf8').replace(/\n$/, '');
  }

  async lines(command: readonly string[], options?: CallOptions): Promise<string[]> {
    const text = await this.text(command, options);
    return text === '' ? [] : text.split('\n');
  }

  /** {@link call} for a command that may fail by what the guest holds: undefined then. What ends the session is thrown all the same. */
  async attempt(command: readonly string[], options: CallOptions = {}): Promise<Buffer | undefined> {
    const { output, error } = await this.#run(command, options);
    return error === undefined ? output : undefined;
  }

  /** The same with what guestfish said, for reports. */
  async outcome(command: readonly string[], options: CallOptions = {}): Promise<CallOutcome> {
    return await this.#run(command, options);
  }

  /** Unmounts, flushes and ends. Throws when what was written may not be whole. */
  async close(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.call(['umount-all']);
      await this.call(['shutdown'], { limitMs: END_LIMIT_MS });
      this.#child.stdin.end();
      const timer = setTimeout(() => this.#signalGroup('SIGTERM'), TERM_LIMIT_MS);
      while (!this.#ended) await this.#nextArrival();
      clearTimeout(timer);
    } finally {
      await this.kill();
    }
  }

  /** Ends at once; of what was written anything may be lost. Never throws. */
  async kill(): Promise<void> {
    this.#child.stdin.end();
    if (this.#ended) return await this.#removeScratch();
    this.#signalGroup('SIGTERM');
    const timer = setTimeout(() => this.#signalGroup('SIGKILL'), TERM_LIMIT_MS);
    while (!this.#ended) await this.#nextArrival();
    clearTimeout(timer);
    await this.#removeScratch();
  }

  async #removeScratch(): Promise<void> {
    await rm(this.scratchFolder, { recursive: true, force: true }).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Commands run one after the other, in the order of the calls. */
  async #run(command: readonly string[], options: CallOptions): Promise<CallOutcome> {
    const turn = this.#previous.then(() => this.#runAlone(command, options));
    this.#previous = turn.catch(() => {});
    return await turn;
  }

  async #runAlone(
    command: readonly string[],
    { limitMs = DEFAULT_LIMIT_MS, input = [] }: CallOptions,
  ): Promise<CallOutcome> {
    const stage = command[0] ?? '';
    this.#signal.throwIfAborted();
    this.#clear();
    const mark = Buffer.from(`\n${randomBytes(16).toString('hex')}\n`);
    const hex = mark.toString().trim();
    // Both are sockets, which no program can open by name.
    const echo = `! printf '\\n%s\\n' ${hex}; printf '\\n%s\\n' ${hex} >&2`;
    this.#child.stdin.write([commandLine(command), ...input, echo, ''].join('\n'));
    const deadline = AbortSignal.any([this.#signal, AbortSignal.timeout(limitMs)]);
    const wake = (): void => this.#arrived();
    deadline.addEventListener('abort', wake);
    try {
      while (!(endsWith(this.#output, mark) && endsWith(this.#errors, mark))) {
        if (this.#ended) throw stageFailed(stage, this.#said(mark) || 'guestfish ended');
        if (deadline.aborted) throw await this.#overdue(stage, limitMs);
        if (this.#outputBytes > MOST_OUTPUT_BYTES) throw await this.#tooMuch(stage);
        await this.#nextArrival();
      }
    } finally {
      deadline.removeEventListener('abort', wake);
    }
    const said = this.#said(mark);
    return { output: cut(Buffer.concat(this.#output), mark), error: isFailure(said) ? said : undefined };
  }

  async #overdue(stage: string, limitMs: number): Promise<unknown> {
    const said = this.#said();
    await this.kill();
    return this.#signal.aborted ? this.#signal.reason : stageTooLong(stage, limitMs, said);
  }

  async #tooMuch(stage: string): Promise<Hyper2kvmError> {
    await this.kill();
    return stageFailed(stage, 'the answer is longer than any that is expected');
  }

  #said(mark?: Buffer): string {
    const said = Buffer.concat(this.#errors);
    return (mark ? cut(said, mark) : said).toString('utf8').trim();
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
    // Of endless complaints the last are kept.
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
    if (this.#child.pid === undefined || this.#ended) return;
    try {
      process.kill(-this.#child.pid, name);
    } catch {
      // It is gone already.
    }
  }
}

/** `direct`: no libvirtd is needed. What libguestfs leaves in its folders when it is killed goes with the session's. */
function environment(scratch: string): Record<string, string> {
  // The name of a socket ends at 107 bytes.
  const isShort = scratch.length < 60;
  return {
    LIBGUESTFS_BACKEND: 'direct',
    LC_ALL: 'C.UTF-8',
    LIBGUESTFS_TMPDIR: scratch,
    ...(isShort ? { XDG_RUNTIME_DIR: scratch } : {}),
  };
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

/** guestfish writes to standard error when a command failed, and else only warnings. */
function isFailure(said: string): boolean {
  return said.split('\n').some((line) => line !== '' && !/\bwarning:/i.test(line));
}
