import { MASK } from '../../base/text/secret.ts';

/** A shorter text is no secret of a server, and to mask it everywhere would blank out innocent words. */
const LEAST_LENGTH = 4;

/** What follows a secret's name in XML, which may itself be escaped in XML: an OVF descriptor is a text in a SOAP answer. */
const OPEN = String.raw`(?:<|&lt;)`;
const CLOSE = String.raw`(?:>|&gt;)`;

/** Secrets that come again in other places, where they must be known to be the same: a lease's ticket is the address of its disks. */
const REPEATED: readonly { kind: 'session' | 'ticket'; pattern: RegExp }[] = [
  { kind: 'session', pattern: /vmware_soap_session=(?:"|&quot;|%22)?([^";&\s]+?)(?:"|&quot;|%22|;|\s|$)/gim },
  // A `UserSession` begins with its key.
  { kind: 'session', pattern: /<key>([^<]+)<\/key>\s*<userName>/g },
  { kind: 'session', pattern: /<(?:\w+:)?sessionI[dD]>([^<]+)</g },
  // vCenter puts the key of the session into the names of its leases, filters and tasks.
  { kind: 'session', pattern: /\bsession\[([^\]<\s]+)\]/g },
  { kind: 'ticket', pattern: /\/(?:ha-)?nfc\/([^/<>"'&\s?#]+)/g },
];

/** Secrets whose place alone tells what they are; each pattern has the text before the secret as its first group. */
const PLACES: readonly RegExp[] = [
  // A plain `<token>` is the one of the next page of properties.
  /(<(?:\w+:)?(?:\w*(?:password|passphrase|secret|ticket|privatekey)|\w+token)(?:\s[^>]*)?>)[^<]+/gi,
  /(:\/\/[^\s/:@<>"'&]+:)[^\s/@<>"']+(?=@)/g,
  // Settings of an OVF environment or of cloud-init, which can hold the passwords of the guest.
  valueOf('Property'),
  valueOf('Value'),
  valueOf('ExtraConfig'),
  /(<key>(?:guestinfo\.|[^<]*(?:password|passwd|secret|token))[^<]*<\/key>\s*<value(?:\s[^>]*)?>)[^<]+/gi,
];

/** The attribute `value` of an element, in any namespace. */
function valueOf(element: string): RegExp {
  const attributes = `(?:(?!${CLOSE})[^])*?`;
  return new RegExp(`(${OPEN}(?:\\w+:)?${element}\\s${attributes}\\b(?:\\w+:)?value=("|&quot;|'))(?:(?!\\2)[^])+`, 'g');
}

/**
 * Takes the protocol's secrets out of requests, answers and headers: passwords, session cookies and keys, tickets of leases, and settings that a guest gets. A
 * session or ticket has the same stand-in (`REDACTED-ticket-1`) wherever it comes, so that a recorded conversation can be followed and replayed.
 */
export class WireSecrets {
  /** Longest first, so that one that contains another is replaced as one. */
  #known: { secret: string; standIn: string }[] = [];
  readonly #counts = { session: 0, ticket: 0 };

  mask(text: string): string {
    this.#learn(text);
    let clean = text;
    for (const { secret, standIn } of this.#known) clean = clean.replaceAll(secret, standIn);
    for (const place of PLACES) clean = clean.replace(place, `$1${MASK}`);
    return clean;
  }

  #learn(text: string): void {
    for (const { kind, pattern } of REPEATED) {
      for (const [, found = ''] of text.matchAll(pattern)) this.#add(kind, found);
    }
  }

  #add(kind: 'session' | 'ticket', found: string): void {
    if (found.length < LEAST_LENGTH || found.startsWith('REDACTED-')) return;
    if (this.#known.some(({ secret }) => secret === found)) return;
    this.#counts[kind] += 1;
    const standIn = `REDACTED-${kind}-${this.#counts[kind]}`;
    const forms = new Set([found, decoded(found), encodeURIComponent(decoded(found))]);
    this.#known.push(...[...forms].map((secret) => ({ secret, standIn })));
    this.#known.sort((a, b) => b.secret.length - a.secret.length);
  }
}

/** As it is without percent-encoding. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
