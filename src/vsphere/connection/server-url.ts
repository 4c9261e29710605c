import { Hyper2kvmError } from '../../base/errors.ts';
import { readSecret, type Secret } from '../../base/text/secret.ts';

/** A server's URL, and separately the account that it contained. */
export interface ServerUrl {
  url: URL;
  username: string;
  password: Secret;
}

/** RFC 3986 section 3.2.1, plus `@` in the user name, which govc and browsers also accept: the last `@` ends the userinfo. */
const USERINFO = /^(?:[\w.~!$&'()*+,;=:@-]|%[0-9a-f]{2})*$/i;

/**
 * Parses a server's URL. As in govc, a missing scheme means https and a missing path means /sdk. An account in the URL
 * must be percent-encoded: a raw `#`, `/` or `?` in a password would change the host.
 * @throws usage errors that name the source but do not quote the text, which may contain a password.
 */
export function parseServerUrl(text: string, name: string): ServerUrl {
  const trimmed = text.trim();
  const rest = trimmed.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
  const scheme = trimmed.slice(0, trimmed.length - rest.length);
  const end = rest.search(/[/?#\\]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  const at = authority.lastIndexOf('@');
  const userinfo = authority.slice(0, Math.max(at, 0));
  if (rest.lastIndexOf('@') > at || !USERINFO.test(userinfo)) throw notEncoded(name);
  const url = parse(`${scheme || 'https://'}${rest.slice(at + 1)}`, name);
  if (url.protocol !== 'https:') {
    throw new Hyper2kvmError('usage', `${name} begins with ${url.protocol}//, but only https is supported.`, {
      hint: 'Passwords are never sent in clear text: use https://HOST.',
    });
  }
  url.search = '';
  url.hash = '';
  if (url.pathname === '/') url.pathname = '/sdk';
  const colon = userinfo.indexOf(':');
  const [username, password] = colon === -1 ? [userinfo, ''] : [userinfo.slice(0, colon), userinfo.slice(colon + 1)];
  return { url, username: decode(username, name), password: readSecret(decode(password, name), name) };
}

function parse(text: string, name: string): URL {
  // The URL class drops tabs and line feeds from the middle of a host name.
  // oxlint-disable-next-line no-control-regex
  if (/[\s\u0000-\u001f\\]/.test(text) || !URL.canParse(text)) {
    throw new Hyper2kvmError('usage', `${name} is not a URL.`, { hint: 'Write it as https://HOST or HOST:PORT.' });
  }
  return new URL(text);
}

function decode(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw notEncoded(name);
  }
}

function notEncoded(name: string): Hyper2kvmError {
  return new Hyper2kvmError('usage', `${name} has a user name or password that is not percent-encoded.`, {
    hint: 'Write # as %23, / as %2F, ? as %3F, @ as %40, % as %25, \\ as %5C and a space as %20; or omit the password and set HYPER2KVM_PASSWORD.',
  });
}
