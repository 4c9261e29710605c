import type { Writable } from 'node:stream';
import type { Secret } from '../../../base/text/secret.ts';

/** A guest turns the echo off after it has printed its prompt. */
const DELAY_MS = 1000;
/**
 * The limit per passphrase. Debian's initramfs prompts three times for a volume, and several volumes may share a
 * passphrase.
 */
const MOST_TRIES = 3;

/**
 * Types the passphrases of encrypted volumes on a guest's serial console, in turn, since a prompt does not always
 * identify its volume.
 */
export class PassphraseAnswers {
  readonly #passphrases: readonly Secret[];
  readonly #console: Writable;
  #typed = 0;

  constructor(passphrases: readonly Secret[], console: Writable) {
    this.#passphrases = passphrases;
    this.#console = console;
  }

  /** Types the next passphrase after a short delay; false if there is none, or if all were rejected. */
  answer(): boolean {
    const { length } = this.#passphrases;
    const passphrase = this.#passphrases[this.#typed % length];
    if (passphrase === undefined || this.#typed >= MOST_TRIES * length) return false;
    this.#typed += 1;
    setTimeout(() => this.#console.write(`${passphrase.reveal()}\n`), DELAY_MS).unref();
    return true;
  }

  /** Called when the guest restarts. */
  forget(): void {
    this.#typed = 0;
  }
}
