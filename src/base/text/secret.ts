import { inspect } from 'node:util';
import { Hyper2kvmError } from '../errors.ts';

/** Shown instead of a secret. */
export const MASK = '***';

/**
 * A password. Template strings, JSON and `util.inspect` show {@link MASK} instead, so that no message, record or log
 * contains it by mistake. Only {@link reveal} returns the text.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get isEmpty(): boolean {
    return this.#text === '';
  }

  /** Returns the text: for a login, for the redactor, and for the pipe to a detached process. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}

/**
 * XML 1.0, section 2.2, cannot represent these. U+FFFD is the result of decoding bytes that are not UTF-8. Tab and line
 * feed are valid in XML, but cannot be typed.
 */
// oxlint-disable-next-line no-control-regex
const NOT_IN_A_PASSWORD = /[\u0000-\u001f\u007f\ufffd\ufffe\uffff]/;

/**
 * Returns the secret in `text`, without the byte order mark and line end that editors and `$(cat FILE)` leave there.
 * @throws a usage error that names `source` and does not quote the text, if the text cannot be sent in a login.
 */
export function readSecret(text: string, source: string): Secret {
  const clean = text.replace(/^\ufeff/, '').replace(/\r?\n$|\r$/, '');
  if (NOT_IN_A_PASSWORD.test(clean)) {
    throw new Hyper2kvmError(
      'usage',
      `The password from ${source} contains a control character or is not UTF-8 text.`,
      {
        hint: 'Save it as UTF-8 text in one line. The password itself is never shown.',
      },
    );
  }
  return new Secret(clean);
}

/**
 * Returns the secret in the first line of `bytes`, the start of a file or pipe.
 * @throws a usage error that names `source`: for UTF-16, for encodings other than UTF-8, and for control characters.
 */
export function readSecretLine(bytes: Buffer, source: string): Secret {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff) || bytes.includes(0)) {
    throw new Hyper2kvmError('usage', `The password from ${source} is UTF-16 or binary, not UTF-8 text.`, {
      hint: 'Convert the file: iconv -f UTF-16 -t UTF-8 OLD > NEW. In PowerShell, Out-File needs -Encoding utf8.',
    });
  }
  const end = bytes.indexOf(0x0a);
  return readSecret(bytes.toString('utf8', 0, end === -1 ? bytes.length : end), source);
}

/** Returns a text that is intended to be a URL, without the password that it can contain. */
export function withoutPassword(url: string): string {
  const secret = secretInUrl(url).reveal();
  return secret === '' ? url : url.replace(`:${secret}@`, () => '@');
}

/**
 * Returns the part of a text that can be a password if the text is intended to be a URL, even a malformed one. For the
 * redactor.
 */
export function secretInUrl(text: string | undefined): Secret {
  const rest = (text ?? '').replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
  const colon = rest.indexOf(':');
  const at = rest.lastIndexOf('@');
  return new Secret(colon === -1 || at < colon ? '' : rest.slice(colon + 1, at));
}
