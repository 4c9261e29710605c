import type { WriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Hyper2kvmError } from '../../../base/errors.ts';
import type { Secret } from '../../../base/text/secret.ts';
import { KvmBrokeError } from '../qemu/accelerator.ts';
import type { Accelerator, BootNic } from '../qemu/boot-machine.ts';
import { MOST_RESTARTS, type BootFailure, type BootSigns } from '../boot-verdict.ts';
import { FAILURE_WORDS, type ConsoleSign } from './console-signs.ts';
import { ConsoleWatcher } from './console-watcher.ts';
import { FrameWatcher } from './frame-watcher.ts';
import { GuestAgent } from './guest-agent.ts';
import { noTraffic } from './nic-traffic.ts';
import { PassphraseAnswers } from './passphrase-answers.ts';
import { AGENT_PORT, frameDump } from '../qemu/qemu-arguments.ts';
import type { QemuProcess } from '../qemu/qemu-process.ts';
import { QmpClient, type QmpEvent } from '../qemu/qmp-client.ts';

/** A sign at the time it is seen; `words` describes it for people. */
export interface BootSign {
  sign: 'login-prompt' | 'passphrase' | 'guest-agent' | 'frame' | 'restart' | BootFailure;
  seconds: number;
  words: string;
}

export interface ObserverParts {
  qemu: QemuProcess;
  log: WriteStream;
  nicCount: number;
  accelerator: Accelerator;
  /** Passphrases of encrypted volumes, typed when the guest prompts for one. */
  passphrases: readonly Secret[];
  onSign: (sign: BootSign) => void;
}

/** Observes all outputs of a running VM and records the signs with their times. */
export class BootObserver {
  readonly qmp: QmpClient;
  readonly signs: BootSigns;
  readonly #onSign: (sign: BootSign) => void;
  readonly #console: ConsoleWatcher;
  readonly #agent: GuestAgent;
  readonly #answers: PassphraseAnswers;
  readonly #accelerator: Accelerator;
  #frames: { watcher: FrameWatcher; mac: string; index: number }[] = [];
  #startedAtMs = performance.now();
  #broken: Hyper2kvmError | undefined;

  constructor({ qemu, log, nicCount, accelerator, passphrases, onSign }: ObserverParts) {
    this.#onSign = onSign;
    this.#accelerator = accelerator;
    this.#answers = new PassphraseAnswers(passphrases, qemu.serial);
    this.signs = {
      loginSeconds: undefined,
      agentSeconds: undefined,
      frameSeconds: Array.from({ length: nicCount }, () => undefined),
      traffic: Array.from({ length: nicCount }, noTraffic),
      failure: undefined,
      restarts: 0,
    };
    this.#console = new ConsoleWatcher(log, (sign, line) => this.#onConsoleSign(sign, line));
    qemu.serial.on('data', (piece: Buffer) => this.#console.take(piece));
    log.on('error', (error) => this.#break(`The log of the guest console cannot be written: ${error.message}.`));
    this.#agent = new GuestAgent(qemu.agent, () => {
      this.signs.agentSeconds ??= this.seconds;
      this.#tell('guest-agent', 'the guest agent answers');
    });
    this.qmp = new QmpClient(qemu.qmp, (event) => this.#onEvent(event));
    void qemu.over.then(() => this.#agent.stop());
  }

  /** Seconds since the VM started. */
  get seconds(): number {
    return Math.round(performance.now() - this.#startedAtMs) / 1000;
  }

  get lastLines(): readonly string[] {
    return this.#console.lastLines;
  }

  get failedUnits(): readonly string[] {
    return this.#console.failedUnits;
  }

  startClock(): void {
    this.#startedAtMs = performance.now();
  }

  /** `captures` are in NIC order. */
  watchFrames(captures: readonly FileHandle[], nics: readonly BootNic[]): void {
    this.#frames = captures.map((file, index) => {
      const mac = nics[index]?.mac ?? '';
      const watcher = new FrameWatcher(file, mac, nics[index]?.expected);
      this.signs.traffic[index] = watcher.traffic;
      return { watcher, mac, index };
    });
  }

  /**
   * Reads the frames that the NICs have sent. Capturing stops for a NIC whose address is known, so that captures stay
   * small.
   */
  async lookForFrames(): Promise<void> {
    for (const { watcher, mac, index } of this.#frames) {
      await watcher.look();
      if (watcher.isHeard && this.signs.frameSeconds[index] === undefined) {
        this.signs.frameSeconds[index] = this.seconds;
        this.#tell('frame', `${mac} sends its first frame`);
      }
      if (watcher.isFinished) await this.qmp.execute('object-del', { id: frameDump(index) });
    }
    this.#frames = this.#frames.filter(({ watcher }) => !watcher.isFinished);
  }

  /** @throws if the run can no longer reach a verdict. */
  throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #onConsoleSign(sign: ConsoleSign, line: string): void {
    if (sign === 'login-prompt') {
      this.signs.loginSeconds ??= this.seconds;
      this.#tell(sign, `login prompt: ${line}`);
    } else if (sign === 'passphrase-prompt' && this.#answers.answer()) {
      this.#tell('passphrase', `a passphrase is typed: ${line}`);
    } else this.#fail(sign, FAILURE_WORDS[sign], line);
  }

  #onEvent({ event, data }: QmpEvent): void {
    if (event === 'VSERPORT_CHANGE' && data['id'] === AGENT_PORT) this.#agent.portChanged(data['open'] === true);
    if (event === 'SHUTDOWN' && data['guest'] === true) {
      this.#fail('powered-off', 'the guest powered itself off', this.lastLines.at(-1) ?? '');
    }
    if (event === 'RESET' && data['guest'] === true) this.#onRestart();
    // If QEMU exits in the meantime, its exit is reported instead.
    if (event === 'STOP') this.#onStop().catch(() => {});
    if (event === 'BLOCK_IO_ERROR') {
      const { nospace, reason } = data;
      const why = nospace === true ? 'no space is left' : typeof reason === 'string' ? reason : 'no reason is given';
      this.#break(`A disk of the boot test cannot be read, or its overlay cannot be written: ${why}.`);
    }
  }

  /**
   * A VM that QEMU has stopped no longer runs, so waiting for its signs would blame the guest. Disk errors and the
   * guest's power state have their own events.
   */
  async #onStop(): Promise<void> {
    if ((await this.qmp.runState()) !== 'internal-error') return;
    const words = `QEMU stopped the VM with an internal error after ${this.seconds} s`;
    this.#broken ??=
      this.#accelerator === 'kvm'
        ? new KvmBrokeError(`KVM broke: ${words}.`)
        : new Hyper2kvmError('host', `${words}.`, { hint: 'Another version of QEMU may run it.' });
  }

  #onRestart(): void {
    if (this.signs.failure !== undefined) return;
    this.signs.restarts += 1;
    this.#console.forget();
    this.#answers.forget();
    this.#tell('restart', 'the guest restarts');
    if (this.signs.restarts > MOST_RESTARTS) {
      this.#fail('restarts', 'the guest keeps restarting', this.lastLines.at(-1) ?? '');
    }
  }

  /** Only the first failure is recorded: later ones follow from it. */
  #fail(failure: BootFailure, words: string, line: string): void {
    if (this.signs.failure !== undefined) return;
    this.signs.failure = { failure, words, text: line, seconds: this.seconds };
    this.#tell(failure, words);
  }

  #tell(sign: BootSign['sign'], words: string): void {
    this.#onSign({ sign, seconds: this.seconds, words });
  }

  #break(sentence: string): void {
    this.#broken ??= new Hyper2kvmError('local-file', sentence, {
      hint: 'Check the disks, and the free space in the folder of the job records (XDG_STATE_HOME).',
    });
  }
}
