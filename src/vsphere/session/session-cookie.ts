import { addressOf } from '../connection/certificate-trust.ts';

/**
 * The cookie `vmware_soap_session`. It grants all rights of the account, so it is sent only to the host and port that
 * issued it. The quotes are part of its value.
 */
export class SessionCookie {
  readonly #address: string;
  #value: string | undefined;

  constructor(server: URL) {
    this.#address = addressOf(server);
  }

  keep(setCookies: readonly string[]): void {
    for (const line of setCookies) {
      const match = /^vmware_soap_session=([^;]*)/.exec(line);
      if (match) this.#value = match[1];
    }
  }

  clear(): void {
    this.#value = undefined;
  }

  headerFor(url: URL): string | undefined {
    if (!this.#value || addressOf(url) !== this.#address) return undefined;
    return `vmware_soap_session=${this.#value}`;
  }
}
