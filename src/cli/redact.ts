/** `scheme://user:password@`, by RFC 3986: the user information ends before the first slash, question mark or hash. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*):[^\s/?#]*@/gi;
/** `user:password@host` without a scheme, as GOVC_URL allows it. */
const BARE_PASSWORD = /(^|[\s"'=(])([^\s"'=(/?#:@]+):[^\s/?#]*@/g;

/** A text in which passwords inside URLs are left out. Everything that is printed about an error passes here. */
export function redactUrls(text: string): string {
  return text.replace(URL_PASSWORD, '$1@').replace(BARE_PASSWORD, '$1$2@');
}

/** Takes known secrets out of texts, besides those that stand in a URL. */
export class Redactor {
  readonly #secrets = new Set<string>();

  /** A secret that no text may show from now on. One of fewer than four characters would blank out innocent words. */
  add(secret: string): void {
    if (secret.length >= 4) this.#secrets.add(secret);
  }

  clean(text: string): string {
    let clean = redactUrls(text);
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '***');
    return clean;
  }
}
