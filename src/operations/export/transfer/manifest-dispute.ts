import type { ArrivedFile, ManifestMismatchError } from '../source/manifest.ts';

/**
 * Tracks the attempts at one file that did not match the manifest. Neither the network nor the host corrupts a file
 * twice in the same way. A manifest that disagrees with the same bytes twice is therefore itself wrong. Some servers add a
 * file's entry only after the whole lease has been read.
 */
export class ManifestDispute {
  readonly #attempts: { sha256: string; message: string }[] = [];
  #isSettled = false;

  /** An attempt did not match, and none has been accepted since. */
  get isOpen(): boolean {
    return this.#attempts.length > 0 && !this.#isSettled;
  }

  /** The file was accepted in spite of its manifest. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** An attempt matched the manifest: earlier mismatches no longer count. */
  forget(): void {
    this.#attempts.length = 0;
  }

  /**
   * Records an attempt that does not match the manifest. Returns a warning when every attempt received the same bytes;
   * undefined when another attempt is needed.
   */
  judge({ name, sha256 }: ArrivedFile, { message }: ManifestMismatchError): string | undefined {
    const isSameAgain = this.isOpen && this.#attempts.every((attempt) => attempt.sha256 === sha256);
    this.#attempts.push({ sha256, message });
    return isSameAgain ? this.#settle(name) : undefined;
  }

  /** Records an attempt made for comparison. Returns a warning when it received the same bytes as before; otherwise undefined. */
  compare({ name, sha256 }: ArrivedFile): string | undefined {
    return this.#attempts.every((attempt) => attempt.sha256 === sha256) ? this.#settle(name) : undefined;
  }

  #settle(name: string): string {
    this.#isSettled = true;
    const message = this.#attempts.at(-1)?.message ?? '';
    return `${message} It arrived twice with the same SHA-256 and a valid structure, so the manifest of the server is wrong. ${name} is accepted.`;
  }
}
