import { readFileSync } from 'node:fs';
import { getCACertificates, type PeerCertificate } from 'node:tls';
import { errnoOf } from '../../base/files/local-file-error.ts';
import { Hyper2kvmError, sentenceOf } from '../../base/errors.ts';
import { notThePinnedOne, notTrusted } from './certificate-refusal.ts';
import type { TrustSettings } from './connection-settings.ts';

/**
 * Decides whether a server's certificate is good: `--insecure`, the pinned thumbprint of the server itself, the certificate
 * authorities, and last the thumbprints that are known for a host (a known-hosts file, or a lease of a server that is itself
 * trusted).
 */
export class CertificateTrust {
  /** PEM certificates from the files that the settings name. */
  readonly #named: string[];
  readonly #onlyNamed: boolean;
  readonly #insecure: boolean;
  /** Address of the server itself. */
  readonly #server: string;
  readonly #pinned: { address: string; thumbprint: string } | undefined;
  readonly #known = new Map<string, Set<string>>();

  /** `server` is the one that `settings.thumbprint` pins. Reads the files that the settings name. */
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

  /** PEM certificates of all authorities that are trusted; those of the system are read anew, which takes some 0.05 s. */
  findAuthorities(): string[] {
    const base = this.#onlyNamed ? [] : [...getCACertificates('default'), ...getCACertificates('system')];
    return [...new Set([...base, ...this.#named])];
  }

  /** False when no authority has a say about the certificate of `address` (`host:port`). */
  asksAuthorities(address: string): boolean {
    return !this.#insecure && this.#pinned?.address !== address;
  }

  /** Trusts a certificate for one host, as vCenter vouches for an ESXi host's in a lease's `sslThumbprint`. */
  trustThumbprint(url: URL, thumbprint: string): void {
    this.#addKnown(addressOf(url), thumbprint);
  }

  /**
   * Undefined when the certificate is good for `address` (`host:port`), else the error to end with. `authorized` and `reason` are
   * what the certificate authorities say.
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

  #addKnown(address: string, thumbprint: string): void {
    const prints = this.#known.get(address) ?? new Set();
    this.#known.set(address, prints.add(normalizeThumbprint(thumbprint)));
  }

  /** Lines of `host[:port] thumbprint`. As in govc, a file that does not exist is an empty one. */
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

/** `host:port` of a URL, the port always given. */
export function addressOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'http:' ? '80' : '443')}`;
}

/** The form in which thumbprints are compared: upper-case hex without colons. */
export function normalizeThumbprint(text: string): string {
  const hex = hexOf(text);
  if (!isThumbprint(text)) {
    throw new Hyper2kvmError('usage', `${JSON.stringify(text)} is not a certificate thumbprint.`, {
      hint: 'A thumbprint is the SHA-1 (40 hex digits) or SHA-256 (64 hex digits) of the certificate, with or without colons.',
    });
  }
  return hex;
}

/** True for a hash that certificates can be compared with. */
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
