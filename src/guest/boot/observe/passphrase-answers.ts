import type { Writable } from 'node:stream';
import type { Secret } from '../../../base/text/secret.ts';

/** A guest switches the echo off when it has printed its question. */
const DELAY_MS = 1000;
/** Of each passphrase: Debian's initramfs asks three times for a volume, and some volumes have the same one. */
const MOST_TRIES = 3;

/** Types the passphrases of encrypted volumes on a guest's serial console, in turn, since a question does not say which of them it wants. */
export class PassphraseAnswers {
  readonly #passphrases: readonly Secret[];
  readonly #console: Writable;
  #typed = 0;

  constructor(passphrases: readonly Secret[], console: Writable) {
    this.#passphrases = passphrases;
    this.#console = console;
  }

  /** Types the next one a moment later; false if there is none, or none of them was accepted. */
  answer(): boolean {
    const { length } = this.#passphrases;
    const passphrase = this.#passphrases[this.#typed % length];
    if (passphrase === undefined || this.#typed >= MOST_TRIES * length) return false;
    this.#typed += 1;
    setTimeout(() => this.#console.write(`${passphrase.reveal()}\n`), DELAY_MS).unref();
    return true;
  }

  /** The guest has started anew. */
  forget(): void {
    this.#typed = 0;
  }
}
