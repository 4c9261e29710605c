import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { Hyper2kvmError } from '../../../base/errors.ts';
import { signalGroup } from '../../../base/process/process-group.ts';
import { spawnTied } from '../../tied-process.ts';
import type { QemuPrograms } from './find-qemu.ts';
import { AGENT_FD, QMP_FD, SERIAL_FD } from './qemu-arguments.ts';

const KEPT_STDERR_CHARACTERS = 8192;
/** After `quit` QEMU closes its images, which takes a moment under load. */
const QUIT_LIMIT_MS = 10_000;

/** A QEMU of this process, which does not outlive it. */
export class QemuProcess {
  readonly qmp: Duplex;
  readonly serial: Duplex;
  readonly agent: Duplex;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown>;
  #stderr = '';

  constructor({ qemu }: Pick<QemuPrograms, 'qemu'>, args: readonly string[], cwd: string, env = process.env) {
    // Node makes its pipes of Unix sockets, which QEMU takes as character devices by their numbers: no socket files, no ports.
    this.#child = spawnTied([qemu, ...args], { env, cwd, sockets: 3 });
    this.#child.stdin.on('error', () => {}).end();
    this.#child.stdout.resume();
    // Also after an error, since QEMU that was never started gives no exit.
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

  /** True when a SIGKILL has ended it. */
  get wasKilled(): boolean {
    return this.#child.signalCode === 'SIGKILL';
  }

  /** Resolves when it has ended, however. */
  get over(): Promise<unknown> {
    return this.#exited;
  }

  /** Resolves when all is read that the guest wrote to its serial port, once somebody reads that. */
  get serialEnd(): Promise<unknown> {
    return this.serial.closed ? Promise.resolve() : once(this.serial, 'close').catch(() => {});
  }

  /** What QEMU said last, without the warnings that it gives about processors. */
  get complaint(): string {
    const lines = this.#stderr.split('\n').filter((line) => line.trim() !== '' && !/: warning: /.test(line));
    return lines.at(-1)?.trim() ?? 'it gave no reason';
  }

  /** Waits for it to end by itself, and then ends it. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.kill(), QUIT_LIMIT_MS);
    if (!this.isOver) await this.#exited;
    clearTimeout(timer);
    for (const stream of [this.qmp, this.serial, this.agent, this.#child.stderr]) stream.destroy();
  }

  /** Ends it at once. */
  kill(): void {
    if (!this.isOver) signalGroup(this.#child, 'SIGKILL');
  }

  #socket(fd: number): Duplex {
    const stream = this.#child.stdio[fd];
    if (!(stream instanceof Duplex)) throw new Hyper2kvmError('internal', `QEMU has no socket ${fd}.`);
    // What a socket that breaks means is told by the end of the process.
    stream.on('error', () => {});
    return stream;
  }
}
