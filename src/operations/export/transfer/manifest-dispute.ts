import type { ArrivedFile, ManifestMismatchError } from '../source/manifest.ts';

/**
 * The attempts at one file that the manifest of their lease did not agree with. Neither the line nor the host changes a file in the same way twice, so a manifest that disagrees with the
 * same bytes twice is wrong itself. Some servers give a file's entry only when the whole lease has been read.
 */
export class ManifestDispute {
  readonly #attempts: { sha256: string; message: string }[] = [];
  #isSettled = false;

  /** An attempt was disputed, and none has been accepted since. */
  get isOpen(): boolean {
    return this.#attempts.length > 0 && !this.#isSettled;
  }

  /** The file was accepted against its manifest. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** A manifest agreed: what came before counts no more. */
  forget(): void {
    this.#attempts.length = 0;
  }

  /** Takes an attempt that the manifest disagrees with. Returns the warning when every attempt brought the same bytes; undefined when another attempt has to show it. */
  judge({ name, sha256 }: ArrivedFile, { message }: ManifestMismatchError): string | undefined {
    const isSameAgain = this.isOpen && this.#attempts.every((attempt) => attempt.sha256 === sha256);
    this.#attempts.push({ sha256, message });
    return isSameAgain ? this.#settle(name) : undefined;
  }

  /** Takes an attempt that was made to compare. Returns the warning, or undefined when it brought other bytes than those before. */
  compare({ name, sha256 }: ArrivedFile): string | undefined {
    return this.#attempts.every((attempt) => attempt.sha256 === sha256) ? this.#settle(name) : undefined;
  }

  #settle(name: string): string {
    this.#isSettled = true;
    const message = this.#attempts.at(-1)?.message ?? '';
    return `${message} It arrived twice with the same SHA-256 and a valid structure, so the manifest of the server is wrong. ${name} is accepted.`;
  }
}
