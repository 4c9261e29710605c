import { shortened } from '../../base/text/foreign-text.ts';
import { MASK, type Secret } from '../../base/text/secret.ts';

/** The longest text that is shown: about 200 inventory paths. A server's text must not flood the screen, the log or a mail. */
const MOST_CHARACTERS = 16_000;

/**
 * Removes the passwords of URLs from a text: `scheme://user:password@host`, and `user:password@host`, which GOVC_URL
 * allows. Everything printed about an error passes through here. Runs in linear time, because a server controls the
 * text and its length.
 */
export function redactUrls(text: string): string {
  return text.includes('@') ? text.replace(/\S+/g, redactWord) : text;
}

/** A word can contain several URLs: each part begins with a scheme, which only the first may omit. */
function redactWord(word: string): string {
  if (!word.includes('@')) return word;
  return word
    .split(/(?<=:\/\/)/)
    .map((part, index) => redactPart(part, index > 0))
    .join('');
}

/** `part` follows a `://` or is the start of a word. */
function redactPart(part: string, isAfterScheme: boolean): string {
  const at = part.lastIndexOf('@');
  // A quote or a `--url=` may precede an account without scheme.
  const start = isAfterScheme ? 0 : startOfAccount(part);
  const colon = part.indexOf(':', start);
  if (colon === -1 || at < colon) return part;
  const [user, secret] = [part.slice(start, colon), part.slice(colon + 1, at)];
  // `host/path:x@y` and `host:443/x@y` contain no account. A `#` or `?` can be part of an account that was not percent-encoded.
  const isPath = user.includes('/') || /^\d{1,5}\//.test(secret);
  const isBareName = !isAfterScheme && (user === '' || /^[/\\]/.test(secret));
  return isPath || isBareName ? part : part.slice(0, colon) + part.slice(at);
}

function startOfAccount(part: string): number {
  const colon = part.indexOf(':');
  return Math.max(...['"', "'", '=', '('].map((sign) => part.lastIndexOf(sign, colon))) + 1;
}

/** Removes known secrets from texts, in addition to those in URLs. */
export class Redactor {
  readonly #secrets = new Set<string>();
  #pattern: RegExp | undefined;

  /**
   * Adds a secret that no text may show from now on, in any form that {@link patternOf} matches. Ignores secrets of
   * fewer than four characters, which would blank out harmless words.
   */
  add(secret: Secret): void {
    const text = secret.reveal();
    if (text.length < 4 || this.#secrets.has(text)) return;
    this.#secrets.add(text);
    // Longest first, so that a secret that contains another is replaced as a whole.
    const patterns = [...this.#secrets].toSorted((a, b) => b.length - a.length).map(patternOf);
    this.#pattern = new RegExp(patterns.join('|'), 'gu');
  }

  /** The text without secrets, truncated to the display limit. Truncation comes last, because part of a secret would not be recognized. */
  clean(text: string): string {
    return shortened(this.mask(redactUrls(text)), MOST_CHARACTERS);
  }

  /** The text without the added secrets, not truncated. */
  mask(text: string): string {
    return this.#pattern === undefined ? text : text.replace(this.#pattern, MASK);
  }
}

/**
 * Matches a secret in plain form, and as escaped in XML, URLs, JSON and a shell, with each character in any of these
 * forms. Also matches its base64.
 */
function patternOf(text: string): string {
  return `${Array.from(text, formsOfCharacter).join('')}|${literal(Buffer.from(text).toString('base64'))}`;
}

const XML_NAMES: Readonly<Record<string, string>> = { '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };

function formsOfCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const bytes = Buffer.from(character);
  const json = JSON.stringify(character).slice(1, -1);
  const name = XML_NAMES[character];
  // XML embedded in XML is escaped twice, as in a descriptor in a SOAP response.
  const reference = '&(?:amp;){0,3}';
  const forms = [
    // Shell quoting: the longer form comes first.
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
    // UTF-8 decoded as Latin-1, as in a header.
    ...(bytes.length > 1 ? [literal(bytes.toString('latin1'))] : []),
  ];
  // A JSON quote in XML is `\&quot;`.
  const escape = /["'\\]/.test(character) ? String.raw`\\{0,3}` : '';
  return `${escape}(?:${forms.join('|')})`;
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

/** Matches hexadecimal digits in upper or lower case. */
function eitherCase(hex: string): string {
  return hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
