import { shortened } from '../base/text/foreign-text.ts';
import { MASK, type Secret } from '../base/text/secret.ts';

/** The longest text that is shown: 200 inventory paths. What a server says must not fill the screen, the log and the mail. */
const MOST_CHARACTERS = 16_000;

/**
 * A text without the passwords of URLs in it, `scheme://user:password@host` and the `user:password@host` that GOVC_URL allows. Everything that is
 * printed about an error passes here. It reads any text in linear time: a server chooses what comes here, and how long it is.
 */
export function redactUrls(text: string): string {
  return text.includes('@') ? text.replace(/\S+/g, redactWord) : text;
}

/** A word can have several URLs: each part begins with a scheme, the first one also without. */
function redactWord(word: string): string {
  if (!word.includes('@')) return word;
  return word
    .split(/(?<=:\/\/)/)
    .map((part, index) => redactPart(part, index > 0))
    .join('');
}

/** `part` comes after a `://`, or is the start of a word. */
function redactPart(part: string, isAfterScheme: boolean): string {
  const at = part.lastIndexOf('@');
  // Before a bare account, a quote or a `--url=` may come.
  const start = isAfterScheme ? 0 : startOfAccount(part);
  const colon = part.indexOf(':', start);
  if (colon === -1 || at < colon) return part;
  const [user, secret] = [part.slice(start, colon), part.slice(colon + 1, at)];
  // Of `host/path:x@y` and `host:443/x@y` there is no account; a `#` or `?` can be a piece of one that was not encoded.
  const isPath = user.includes('/') || /^\d{1,5}\//.test(secret);
  const isBareName = !isAfterScheme && (user === '' || /^[/\\]/.test(secret));
  return isPath || isBareName ? part : part.slice(0, colon) + part.slice(at);
}

function startOfAccount(part: string): number {
  const colon = part.indexOf(':');
  return Math.max(...['"', "'", '=', '('].map((sign) => part.lastIndexOf(sign, colon))) + 1;
}

/** Takes known secrets out of texts, besides those that stand in a URL. */
export class Redactor {
  /** The forms of secrets, longest first, so that one that contains another is replaced as one. */
  #forms: readonly string[] = [];

  /** A secret that no text may show from now on, in any of its {@link formsOf forms}. One of fewer than four characters would blank out innocent words. */
  add(secret: Secret): void {
    const forms = formsOf(secret.reveal()).filter((form) => form.length >= 4);
    this.#forms = [...new Set([...this.#forms, ...forms])].toSorted((a, b) => b.length - a.length);
  }

  /** The text without secrets, cut to what can be shown: after that, since a piece of a secret would not be known. */
  clean(text: string): string {
    const clean = this.#forms.reduce((rest, form) => rest.replaceAll(form, MASK), redactUrls(text));
    return shortened(clean, MOST_CHARACTERS);
  }
}

/** As it is, and as a SOAP request, a URL, JSON and a server's echo of them write it. */
function formsOf(text: string): string[] {
  const inXml = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const quotedInXml = inXml.replaceAll('"', '&quot;');
  return [
    text,
    inXml,
    quotedInXml,
    quotedInXml.replaceAll("'", '&apos;'),
    encodeForUrl(text),
    JSON.stringify(text).slice(1, -1),
    Buffer.from(text).toString('base64'),
  ];
}

function encodeForUrl(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // Half of a surrogate pair, which no URL can hold.
    return text;
  }
}
