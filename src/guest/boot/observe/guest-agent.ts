import type { Duplex } from 'node:stream';

/** An agent replies immediately after its start; under load it may need a second request. */
const AGAIN_MS = 5000;
const MOST_ANSWER_CHARACTERS = 65_536;

/**
 * Pings the QEMU guest agent (docs/interop/qemu-ga: `guest-ping`), from the time the guest opens its port until it
 * replies.
 */
export class GuestAgent {
  readonly #stream: Duplex;
  readonly #onAnswer: () => void;
  #timer: NodeJS.Timeout | undefined;
  #heard = '';

  /** `onAnswer` is called once. A stream error is treated as an agent that does not reply. */
  constructor(stream: Duplex, onAnswer: () => void) {
    this.#stream = stream;
    this.#onAnswer = onAnswer;
    stream.on('data', (piece: Buffer) => this.#take(piece.toString('latin1')));
    stream.on('error', () => this.stop());
  }

  /** Called when QEMU reports that the guest has opened or closed the port. */
  portChanged(isOpen: boolean): void {
    this.stop();
    if (!isOpen) return;
    this.#ask();
    this.#timer = setInterval(() => this.#ask(), AGAIN_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #ask(): void {
    if (this.#stream.writable) this.#stream.write('{"execute":"guest-ping"}\n');
  }

  #take(text: string): void {
    if (this.#timer === undefined) return;
    this.#heard = (this.#heard + text).slice(-MOST_ANSWER_CHARACTERS);
    const isAnswer = this.#heard.split('\n').some((line) => /^\s*\{\s*"return"\s*:\s*\{\s*\}\s*\}\s*$/.test(line));
    if (!isAnswer) return;
    this.stop();
    this.#onAnswer();
  }
}
