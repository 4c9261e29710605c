import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { signalGroup } from '../../../base/process/process-group.ts';
import { spawnTied } from '../../../base/process/tied-process.ts';
import type { QemuPrograms } from './find-qemu.ts';
import { AGENT_FD, QMP_FD, SERIAL_FD } from './qemu-arguments.ts';

const KEPT_STDERR_CHARACTERS = 8192;
/** After `quit` QEMU closes its images, which takes a moment under load. */
const QUIT_LIMIT_MS = 10_000;

/** A QEMU process that does not outlive this process. */
export class QemuProcess {
  readonly qmp: Duplex;
  readonly serial: Duplex;
  readonly agent: Duplex;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown>;
  #stderr = '';

  constructor({ qemu }: Pick<QemuPrograms, 'qemu'>, args: readonly string[], cwd: string, env = process.env) {
    // Node creates its pipes as Unix sockets, which QEMU accepts as character devices by file descriptor. No socket
    // files or ports are needed.
    this.#child = spawnTied([qemu, ...args], { env, cwd, sockets: 3 });
    this.#child.stdin.on('error', () => {}).end();
    this.#child.stdout.resume();
    // Also wait for an error, since a QEMU that never started emits no exit.
    this.#exited = Promise.race([once(this.#child, 'exit'), once(this.#child, 'error')]).catch(() => {});
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR_CHARACTERS);
    });
    this.qmp = this.#socket(QMP_FD);
    this.serial = this.#socket(SERIAL_FD);
    this.agent = this.#socket(AGENT_FD);
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /** True if SIGKILL ended it. */
  get wasKilled(): boolean {
    return this.#child.signalCode === 'SIGKILL';
  }

  /** Resolves when the process has ended for any reason. */
  get over(): Promise<unknown> {
    return this.#exited;
  }

  /** Resolves when all of the guest's serial output has been read. Requires a reader. */
  get serialEnd(): Promise<unknown> {
    return this.serial.closed ? Promise.resolve() : once(this.serial, 'close').catch(() => {});
  }

  /** QEMU's last error message, without its warnings about CPU features. */
  get complaint(): string {
    const lines = this.#stderr.split('\n').filter((line) => line.trim() !== '' && !/: warning: /.test(line));
    return lines.at(-1)?.trim() ?? 'it gave no reason';
  }

  /** Waits for the process to exit, and kills it after a limit. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.kill(), QUIT_LIMIT_MS);
    if (!this.isOver) await this.#exited;
    clearTimeout(timer);
    for (const stream of [this.qmp, this.serial, this.agent, this.#child.stderr]) stream.destroy();
  }

  /** Kills the process immediately. */
  kill(): void {
    if (!this.isOver) signalGroup(this.#child, 'SIGKILL');
  }

  #socket(fd: number): Duplex {
    const stream = this.#child.stdio[fd];
    if (!(stream instanceof Duplex)) throw new Hyper2kvmError('internal', `QEMU has no socket ${fd}.`);
    // The exit of the process explains a broken socket.
    stream.on('error', () => {});
    return stream;
  }
}
