import { MASK } from '../../base/text/secret.ts';

/** Server secrets are longer than this. Masking shorter texts everywhere would remove harmless words. */
const LEAST_LENGTH = 4;
/** Each session and lease has one or two secrets. If a server sends more than this, the rest is masked only where a secret is expected. */
const MOST_KNOWN = 2000;

type Kind = 'session' | 'ticket';

/**
 * Secrets that recur in other places, where they must be recognized as the same: the ticket of a lease is part of its
 * disk URLs. All patterns here run in linear time on any input, because the server controls the text.
 */
const REPEATED: readonly { kind: Kind; pattern: RegExp }[] = [
  { kind: 'session', pattern: /vmware_soap_session=(?:"|&quot;|%22)?([^";&\s]{1,500}?)(?:"|&quot;|%22|;|\s|$)/gim },
  // A `UserSession` begins with its key.
  { kind: 'session', pattern: /<key>([^<]+)<\/key>\s{0,50}<userName>/g },
  { kind: 'session', pattern: /<(?:\w+:)?sessionI[dD]>([^<]+)</g },
  // vCenter includes the session key in the names of its leases, filters and tasks.
  { kind: 'session', pattern: /\bsession\[([^[\]<\s]+)\]/g },
  { kind: 'ticket', pattern: /\/(?:ha-)?nfc\/([^/<>"'&\s?#]+)/g },
];

/** Secrets that are recognized only by their position. The first group of each pattern is the text before the secret. */
const PLACES: readonly RegExp[] = [
  // A plain `<token>` is the paging token of a property read, and is not a secret.
  /(<(?:\w+:)?(?:\w*(?:password|passphrase|secret|ticket|privatekey)|\w+token)(?:\s[^<>]*)?>)[^<]+/gi,
  /(:\/\/[^\s/:@<>"'&]+:)[^\s/@<>"']+(?=@)/g,
  // Settings of an OVF environment or of cloud-init, which can contain passwords of the guest.
  ...['Property', 'Value', 'ExtraConfig'].flatMap((element) => [valueIn(element), escapedValueIn(element)]),
  /(<key>(?:guestinfo\.|[^<]{0,100}?(?:password|passwd|secret|token))[^<]{0,200}<\/key>\s{0,50}<value(?:\s[^<>]*)?>)[^<]+/gi,
];

/** The attribute `value` of an element, in any namespace. */
function valueIn(element: string): RegExp {
  return new RegExp(`(<(?:\\w+:)?${element}\\s[^<>]*?\\b(?:\\w+:)?value=("|'))(?:(?!\\2)[^<])+`, 'g');
}

/** The same for a descriptor that is embedded as text in a SOAP response. */
function escapedValueIn(element: string): RegExp {
  const attributes = '(?:(?!&lt;|&gt;)[^<])*?';
  return new RegExp(
    `(&lt;(?:\\w+:)?${element}\\s${attributes}\\b(?:\\w+:)?value=("|&quot;|'))(?:(?!\\2|&lt;)[^<])+`,
    'g',
  );
}

/**
 * Removes the protocol's secrets from requests, responses and headers: passwords, session cookies and keys, lease
 * tickets, and guest settings. A session or ticket gets the same placeholder (`REDACTED-ticket-1`) everywhere, so that
 * a recorded conversation can be followed and replayed.
 */
export class WireSecrets {
  readonly #placeholders = new Map<string, string>();
  /** Longest first, so that a secret that contains another is replaced as a whole. */
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

/** Decodes percent-encoding; returns an invalid encoding unchanged. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
