import { readFileSync } from 'node:fs';
import { getCACertificates, type PeerCertificate } from 'node:tls';
import { errnoOf } from '../../base/files/local-file-error.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { notThePinnedOne, notTrusted } from './certificate-refusal.ts';
import type { TrustSettings } from './connection-settings.ts';

/**
 * Decides whether to trust a server's certificate. It checks, in order: `--insecure`, the pinned thumbprint of the
 * server, the certificate authorities, and the known thumbprints of a host. Known thumbprints come from a known-hosts
 * file or from a lease of a server that is itself trusted.
 */
export class CertificateTrust {
  /** PEM certificates from the files in the settings. */
  readonly #named: string[];
  readonly #onlyNamed: boolean;
  readonly #insecure: boolean;
  /** `host:port` of the server. */
  readonly #server: string;
  readonly #pinned: { address: string; thumbprint: string } | undefined;
  readonly #known = new Map<string, Set<string>>();

  /** Reads the files named in the settings. `settings.thumbprint` pins `server`. */
  constructor(settings: TrustSettings, server: URL) {
    this.#insecure = settings.insecure;
    this.#server = addressOf(server);
    this.#pinned =
      settings.thumbprint === undefined
        ? undefined
        : { address: addressOf(server), thumbprint: normalizeThumbprint(settings.thumbprint) };
    this.#onlyNamed = settings.onlyCaFiles.length > 0;
    this.#named = [...settings.onlyCaFiles, ...settings.caFiles].map(readPem);
    for (const file of settings.knownHostsFiles) this.#readKnownHosts(file);
  }

  /** PEM certificates of all trusted authorities. Rereads the system's store on each call, which takes about 0.05 s. */
  findAuthorities(): string[] {
    const base = this.#onlyNamed ? [] : [...getCACertificates('default'), ...getCACertificates('system')];
    return [...new Set([...base, ...this.#named])];
  }

  /** False when the authorities are not consulted about the certificate of `address` (`host:port`). */
  asksAuthorities(address: string): boolean {
    return !this.#insecure && this.#pinned?.address !== address;
  }

  /** Trusts a certificate for one host. vCenter vouches in this way for an ESXi host, in the `sslThumbprint` of a lease. */
  trustThumbprint(url: URL, thumbprint: string): void {
    this.#addKnown(addressOf(url), thumbprint);
  }

  /**
   * Returns undefined when the certificate is trusted for `address` (`host:port`), otherwise the error to fail with.
   * `authorized` and `reason` are the result of the check against the certificate authorities.
   */
  refusal(address: string, certificate: PeerCertificate, authorized: boolean, reason: string): Error | undefined {
    if (this.#insecure) return undefined;
    const refused = { address, certificate, isServer: address === this.#server };
    const prints = thumbprintsOf(certificate);
    if (this.#pinned?.address === address) {
      return prints.includes(this.#pinned.thumbprint) ? undefined : notThePinnedOne(refused);
    }
    if (authorized) return undefined;
    const known = this.#known.get(address);
    if (known && prints.some((print) => known.has(print))) return undefined;
    return known ? notThePinnedOne(refused) : notTrusted(refused, reason);
  }

  /**
   * Like {@link refusal}, for a host whose thumbprint a trusted server has just named in a ticket. Only that certificate
   * is accepted, whatever the authorities say.
   */
  refusalOfVouched(address: string, certificate: PeerCertificate, thumbprint: string): Error | undefined {
    if (this.#insecure || thumbprintsOf(certificate).includes(normalizeThumbprint(thumbprint))) return undefined;
    return notThePinnedOne({ address, certificate, isServer: false });
  }

  #addKnown(address: string, thumbprint: string): void {
    const prints = this.#known.get(address) ?? new Set();
    this.#known.set(address, prints.add(normalizeThumbprint(thumbprint)));
  }

  /** Reads lines of `host[:port] thumbprint`. As in govc, a file that does not exist counts as empty. */
  #readKnownHosts(file: string): void {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw new Hyper2kvmError('usage', `The known-hosts file ${file} cannot be read: ${sentenceOf(error)}.`, {
        cause: error,
      });
    }
    for (const line of text.split('\n')) {
      const [host, thumbprint] = line.trim().split(/\s+/, 2);
      if (host && thumbprint && !host.startsWith('#'))
        this.#addKnown(addressOf(new URL(`https://${host}`)), thumbprint);
    }
  }
}

/** `host:port` of a URL; the port is always present. */
export function addressOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'http:' ? '80' : '443')}`;
}

/** The form for comparing thumbprints: upper-case hex without colons. */
export function normalizeThumbprint(text: string): string {
  const hex = hexOf(text);
  if (!isThumbprint(text)) {
    throw new Hyper2kvmError('usage', `${JSON.stringify(text)} is not a certificate thumbprint.`, {
      hint: 'A thumbprint is the SHA-1 (40 hex digits) or SHA-256 (64 hex digits) of the certificate, with or without colons.',
    });
  }
  return hex;
}

/** True for a SHA-1 or SHA-256 hash, which can be compared with a certificate's. */
export function isThumbprint(text: string): boolean {
  return /^([0-9A-F]{40}|[0-9A-F]{64})$/.test(hexOf(text));
}

function hexOf(text: string): string {
  return text
    .replace(/^sha(1|256)[:=]/i, '')
    .replace(/[:\s]/g, '')
    .toUpperCase();
}

function thumbprintsOf(certificate: PeerCertificate): string[] {
  return [certificate.fingerprint, certificate.fingerprint256].map(normalizeThumbprint);
}

function readPem(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Hyper2kvmError('usage', `The CA file ${file} cannot be read: ${sentenceOf(error)}.`, { cause: error });
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Hyper2kvmError('usage', `The CA file ${file} holds no PEM certificate.`);
  }
  return text;
}
