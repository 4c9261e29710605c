import { MASK } from '../../base/text/secret.ts';

/** A shorter text is no secret of a server, and to mask it everywhere would blank out innocent words. */
const LEAST_LENGTH = 4;
/** Each session and lease has one or two. Of a server that sends more of them the rest is masked in the places where a secret is expected. */
const MOST_KNOWN = 2000;

type Kind = 'session' | 'ticket';

/**
 * Secrets that come again in other places, where they must be known to be the same: a lease's ticket is part of the address of its disks. All patterns here read any
 * text in linear time, since a server chooses what comes.
 */
const REPEATED: readonly { kind: Kind; pattern: RegExp }[] = [
  { kind: 'session', pattern: /vmware_soap_session=(?:"|&quot;|%22)?([^";&\s]{1,500}?)(?:"|&quot;|%22|;|\s|$)/gim },
  // A `UserSession` begins with its key.
  { kind: 'session', pattern: /<key>([^<]+)<\/key>\s{0,50}<userName>/g },
  { kind: 'session', pattern: /<(?:\w+:)?sessionI[dD]>([^<]+)</g },
  // vCenter puts the key of the session into the names of its leases, filters and tasks.
  { kind: 'session', pattern: /\bsession\[([^[\]<\s]+)\]/g },
  { kind: 'ticket', pattern: /\/(?:ha-)?nfc\/([^/<>"'&\s?#]+)/g },
];

/** Secrets that only their place identifies; each pattern has the text before the secret as its first group. */
const PLACES: readonly RegExp[] = [
  // A plain `<token>` is the one of the next page of properties.
  /(<(?:\w+:)?(?:\w*(?:password|passphrase|secret|ticket|privatekey)|\w+token)(?:\s[^<>]*)?>)[^<]+/gi,
  /(:\/\/[^\s/:@<>"'&]+:)[^\s/@<>"']+(?=@)/g,
  // Settings of an OVF environment or of cloud-init, which can hold the passwords of the guest.
  ...['Property', 'Value', 'ExtraConfig'].flatMap((element) => [valueIn(element), escapedValueIn(element)]),
  /(<key>(?:guestinfo\.|[^<]{0,100}?(?:password|passwd|secret|token))[^<]{0,200}<\/key>\s{0,50}<value(?:\s[^<>]*)?>)[^<]+/gi,
];

/** The attribute `value` of an element, in any namespace. */
function valueIn(element: string): RegExp {
  return new RegExp(`(<(?:\\w+:)?${element}\\s[^<>]*?\\b(?:\\w+:)?value=("|'))(?:(?!\\2)[^<])+`, 'g');
}

/** The same in a descriptor that is a text in a SOAP answer. */
function escapedValueIn(element: string): RegExp {
  const attributes = '(?:(?!&lt;|&gt;)[^<])*?';
  return new RegExp(
    `(&lt;(?:\\w+:)?${element}\\s${attributes}\\b(?:\\w+:)?value=("|&quot;|'))(?:(?!\\2|&lt;)[^<])+`,
    'g',
  );
}

/**
 * Takes the protocol's secrets out of requests, answers and headers: passwords, session cookies and keys, tickets of leases, and settings that a guest gets. A
 * session or ticket has the same placeholder (`REDACTED-ticket-1`) wherever it comes, so that a recorded conversation can be followed and replayed.
 */
export class WireSecrets {
  readonly #placeholders = new Map<string, string>();
  /** Longest first, so that one that contains another is replaced as one. */
  #forms: { secret: string; placeholder: string }[] = [];
  readonly #counts: Record<Kind, number> = { session: 0, ticket: 0 };

  mask(text: string): string {
    for (const { kind, pattern } of REPEATED) {
      for (const [, found = ''] of text.matchAll(pattern)) this.#learn(kind, found);
    }
    let clean = text;
    for (const { secret, placeholder } of this.#forms) clean = clean.replaceAll(secret, placeholder);
    for (const { kind, pattern } of REPEATED) {
      clean = clean.replace(pattern, (match: string, found: string) =>
        found.startsWith('REDACTED-') ? match : match.replace(found, () => `REDACTED-${kind}`),
      );
    }
    for (const place of PLACES) clean = clean.replace(place, `$1${MASK}`);
    return clean;
  }

  #learn(kind: Kind, found: string): void {
    if (found.length < LEAST_LENGTH || found.startsWith('REDACTED-')) return;
    if (this.#placeholders.has(found) || this.#placeholders.size === MOST_KNOWN) return;
    this.#counts[kind] += 1;
    const placeholder = `REDACTED-${kind}-${this.#counts[kind]}`;
    this.#placeholders.set(found, placeholder);
    const plain = decoded(found);
    for (const secret of new Set([found, plain, encodeURIComponent(plain)])) this.#forms.push({ secret, placeholder });
    this.#forms.sort((a, b) => b.secret.length - a.secret.length);
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
