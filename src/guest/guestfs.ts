import { sentenceOf } from '../base/errors.ts';
import { startAppliance, type ApplianceOptions, type ApplianceStart } from './appliance-environment.ts';
import { GuestfishProcess } from './guestfish-process.ts';
import { commandLine } from './guestfs-words.ts';
import { hasGuestfish } from '../base/process/find-program.ts';
import {
  applianceFailed,
  applianceTooLong,
  MissingGuestfishError,
  stageFailed,
  stageTooLong,
} from './guestfs-errors.ts';
import { LaunchLimit } from './launch-limit.ts';

export interface GuestfsDisk {
  path: string;
  format: string;
}

export interface GuestfsOptions extends Omit<ApplianceOptions, 'env'> {
  /** In the order in which the guest sees them. */
  disks: readonly GuestfsDisk[];
  /** Writes go to an overlay that is discarded: the images stay identical to the byte. */
  readOnly: boolean;
  /** The environment of guestfish; used to locate programs. Defaults to that of the process. */
  env?: NodeJS.ProcessEnv | undefined;
}

export interface CallOptions {
  limitMs?: number;
  /** Replaces `limitMs`. */
  deadline?: AbortSignal;
  /** Lines that the command reads besides its arguments: keys, so that they do not appear in a command line. */
  input?: readonly string[];
}

/** The result of a command: `error` is guestfish's error message, undefined on success. */
interface CallOutcome {
  output: Buffer;
  error: string | undefined;
}

const DEFAULT_LIMIT_MS = 300_000;
const END_LIMIT_MS = 60_000;

/**
 * A guestfish process with its appliance, which runs one command at a time. Arguments are quoted byte by byte. The
 * owner must end it in every case: {@link Guestfs.close} writes pending data, {@link Guestfs.kill} does not.
 */
export class Guestfs implements AsyncDisposable {
  readonly #process: GuestfishProcess;
  readonly #signal: AbortSignal;
  /** The previous command: guestfish answers one at a time. */
  #previous: Promise<unknown> = Promise.resolve();

  private constructor(guestfish: GuestfishProcess, signal: AbortSignal) {
    this.#process = guestfish;
    this.#signal = signal;
  }

  /** A folder on this host for files on their way to and from the guest; removed with the session. */
  get scratchFolder(): string {
    return this.#process.scratchFolder;
  }

  /**
   * Starts guestfish and its appliance on `disks`. If KVM exists but does not work (nested virtualization), the
   * appliance runs in emulation.
   * @throws kind `host` if guestfish is not installed or its appliance does not start.
   */
  static async start(options: GuestfsOptions): Promise<Guestfs> {
    const { signal, env = process.env } = options;
    signal.throwIfAborted();
    if (!hasGuestfish(env)) throw new MissingGuestfishError();
    return await startAppliance({ ...options, env }, (how) => Guestfs.#launch(options, how));
  }

  static async #launch(
    { disks, readOnly, signal }: GuestfsOptions,
    { env, limitMs }: ApplianceStart,
  ): Promise<Guestfs> {
    const session = new Guestfs(await GuestfishProcess.spawn(env), signal);
    try {
      const mode = readOnly ? ['readonly:true'] : [];
      // The result is flushed as a whole before it gets its final name. A cache that does not survive a crash is
      // sufficient, and faster.
      const cache = readOnly ? [] : ['cachemode:unsafe'];
      for (const { path, format } of disks) {
        await session.call(['add-drive', path, `format:${format}`, ...mode, ...cache]);
      }
      await session.#waitForAppliance(limitMs);
      return session;
    } catch (error) {
      await session.kill();
      throw error;
    }
  }

  /**
   * Runs one command and returns its output.
   * @throws if the command failed or took too long, or the signal aborted; the last two end the session.
   */
  async call(command: readonly string[], options: CallOptions = {}): Promise<Buffer> {
    const { output, error } = await this.#run(command, options);
    if (error !== undefined) throw stageFailed(command[0] ?? '', error);
    return output;
  }

  /** {@link call} for text, without the final line end. */
  async text(command: readonly string[], options?: CallOptions): Promise<string> {
    return (await this.call(command, options)).toString('utf8').replace(/\n$/, '');
  }

  async lines(command: readonly string[], options?: CallOptions): Promise<string[]> {
    const text = await this.text(command, options);
    return text === '' ? [] : text.split('\n');
  }

  /**
   * {@link call} for a command whose failure depends on the guest's content: returns undefined then. Errors that end
   * the session are still thrown.
   */
  async attempt(command: readonly string[], options: CallOptions = {}): Promise<Buffer | undefined> {
    const { output, error } = await this.#run(command, options);
    return error === undefined ? output : undefined;
  }

  /** Like {@link attempt}, with guestfish's error message for reports. */
  async outcome(command: readonly string[], options: CallOptions = {}): Promise<CallOutcome> {
    return await this.#run(command, options);
  }

  /**
   * Unmounts, flushes and ends the session.
   * @throws if the written data may be incomplete.
   */
  async close(): Promise<void> {
    if (this.#process.hasEnded) return;
    try {
      await this.call(['umount-all']);
      await this.call(['shutdown'], { limitMs: END_LIMIT_MS });
      await this.#process.end();
    } finally {
      await this.kill();
    }
  }

  /** Ends the session immediately; any written data may be lost. Never throws. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #waitForAppliance(limitMs: number): Promise<void> {
    using limit = new LaunchLimit(this.#process.group, limitMs);
    const { error } = await this.#run(['run'], { deadline: limit.signal }).catch((failure: unknown) => {
      this.#signal.throwIfAborted();
      if (limit.signal.aborted) throw applianceTooLong(limitMs);
      return { error: sentenceOf(failure) };
    });
    if (error !== undefined) throw applianceFailed(error);
  }

  /** Commands run one after the other, in call order. */
  async #run(command: readonly string[], options: CallOptions): Promise<CallOutcome> {
    const turn = this.#previous.then(() => this.#runExclusively(command, options));
    this.#previous = turn.catch(() => {});
    return await turn;
  }

  async #runExclusively(
    command: readonly string[],
    { limitMs = DEFAULT_LIMIT_MS, deadline: given, input = [] }: CallOptions,
  ): Promise<CallOutcome> {
    const stage = command[0] ?? '';
    this.#signal.throwIfAborted();
    const deadline = AbortSignal.any([this.#signal, given ?? AbortSignal.timeout(limitMs)]);
    const { output, said, cut } = await this.#process.ask([commandLine(command), ...input], deadline);
    if (cut === undefined) return { output, error: isFailure(said) ? said : undefined };
    if (cut === 'ended') throw stageFailed(stage, said || 'guestfish ended');
    await this.kill();
    if (cut === 'too-long') throw stageFailed(stage, 'the answer is longer than any that is expected');
    throw this.#signal.aborted ? this.#signal.reason : stageTooLong(stage, limitMs, said);
  }
}

/** guestfish writes to standard error if a command failed; otherwise only warnings. */
function isFailure(said: string): boolean {
  return said.split('\n').some((line) => line !== '' && !/\bwarning:/i.test(line));
}
