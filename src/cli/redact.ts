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
  readonly #secrets = new Set<string>();
  #pattern: RegExp | undefined;

  /** A secret that no text may show from now on, in any form that {@link patternOf} matches. One of fewer than four characters would blank out innocent words. */
  add(secret: Secret): void {
    const text = secret.reveal();
    if (text.length < 4 || this.#secrets.has(text)) return;
    this.#secrets.add(text);
    // Longest first, so that one that contains another is replaced as one.
    const patterns = [...this.#secrets].toSorted((a, b) => b.length - a.length).map(patternOf);
    this.#pattern = new RegExp(patterns.join('|'), 'gu');
  }

  /** The text without secrets, cut to what can be shown: after that, since a piece of a secret would not be known. */
  clean(text: string): string {
    return shortened(this.mask(redactUrls(text)), MOST_CHARACTERS);
  }

  /** The text without the secrets that were added, uncut. */
  mask(text: string): string {
    return this.#pattern === undefined ? text : text.replace(this.#pattern, MASK);
  }
}

/** Matches a secret as it is, and as XML, URLs, JSON and a shell write it, each character in any of these ways; and its base64. */
function patternOf(text: string): string {
  return `${Array.from(text, formsOfCharacter).join('')}|${literal(Buffer.from(text).toString('base64'))}`;
}

const XML_NAMES: Readonly<Record<string, string>> = { '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };

function formsOfCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const bytes = Buffer.from(character);
  const json = JSON.stringify(character).slice(1, -1);
  const name = XML_NAMES[character];
  // XML in XML is escaped twice: a descriptor that a SOAP answer holds.
  const reference = '&(?:amp;){0,3}';
  const forms = [
    // As a shell quotes it: the longer form comes first.
    ...(character === "'" ? [literal(String.raw`'\''`)] : []),
    ...(character === '&' ? [reference] : [literal(character)]),
    ...(name === undefined ? [] : [`${reference}${name};`]),
    `${reference}#0*${code};`,
    `${reference}#[xX]0*${eitherCase(code.toString(16))};`,
    Array.from(bytes, (byte) => `%${eitherCase(byte.toString(16).padStart(2, '0'))}`).join(''),
    Array.from(
      character.split(''),
      (unit) => `\\\\u${eitherCase(unit.charCodeAt(0).toString(16).padStart(4, '0'))}`,
    ).join(''),
    ...(json === character ? [] : [literal(json)]),
    ...(character === ' ' ? [literal('+')] : []),
    // UTF-8 that was read as Latin-1, as in a header.
    ...(bytes.length > 1 ? [literal(bytes.toString('latin1'))] : []),
  ];
  // A quote of JSON in XML is `\&quot;`.
  const escape = /["'\\]/.test(character) ? String.raw`\\{0,3}` : '';
  return `${escape}(?:${forms.join('|')})`;
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

/** Hexadecimal digits in upper or lower case. */
function eitherCase(hex: string): string {
  return hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
