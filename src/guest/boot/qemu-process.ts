import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { Hyper2kvmError } from '../../base/errors.ts';
import type { QemuPrograms } from './find-qemu.ts';
import { AGENT_FD, QMP_FD, SERIAL_FD } from './qemu-arguments.ts';

const KEPT_STDERR_CHARACTERS = 8192;
/** After `quit` QEMU closes its images, which takes a moment under load. */
const QUIT_LIMIT_MS = 10_000;

/** A QEMU of this process. It does not outlive it: where there is a setpriv the kernel ends it even when this process is killed. */
export class QemuProcess {
  readonly qmp: Duplex;
  readonly serial: Duplex;
  readonly agent: Duplex;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #stderr = '';

  constructor({ qemu, setpriv }: QemuPrograms, args: readonly string[], folder: string) {
    const [program, ...front] = setpriv === undefined ? [qemu] : [setpriv, '--pdeathsig', 'KILL', '--', qemu];
    this.#child = spawn(program ?? qemu, [...front, ...args], {
      cwd: folder,
      // Node makes its pipes of Unix sockets, which QEMU takes as character devices by their numbers: no socket files, no ports.
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C comes to this process alone, which then ends QEMU in order.
      detached: true,
    });
    // Also after an error, since QEMU that was never started gives no exit.
    this.#exited = Promise.race([once(this.#child, 'exit'), once(this.#child, 'error')]).catch(() => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR_CHARACTERS);
    });
    this.qmp = this.#socket(QMP_FD);
    this.serial = this.#socket(SERIAL_FD);
    this.agent = this.#socket(AGENT_FD);
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /** Resolves when it has ended, however. */
  get over(): Promise<unknown> {
    return this.#exited;
  }

  /** What QEMU said last, without the warnings that it gives about processors. */
  get complaint(): string {
    const lines = this.#stderr.split('\n').filter((line) => line.trim() !== '' && !/: warning: /.test(line));
    return lines.at(-1)?.trim() ?? 'it gave no reason';
  }

  /** Waits for it to end by itself, and then ends it. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), QUIT_LIMIT_MS);
    if (!this.isOver) await this.#exited;
    clearTimeout(timer);
    for (const stream of [this.qmp, this.serial, this.agent, this.#child.stderr]) stream?.destroy();
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #socket(fd: number): Duplex {
    const stream = this.#child.stdio[fd];
    if (!(stream instanceof Duplex)) throw new Hyper2kvmError('internal', `QEMU has no socket ${fd}.`);
    // What a socket that breaks means is told by the end of the process.
    stream.on('error', () => {});
    return stream;
  }
}
