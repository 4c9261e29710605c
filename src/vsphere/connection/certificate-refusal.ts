import type { PeerCertificate } from 'node:tls';
import { Hyper2kvmError } from '../../base/errors.ts';
import { foreignText } from '../../base/text/foreign-text.ts';

/** A certificate that failed verification, and the host that presented it. */
export interface RefusedCertificate {
  /** `host:port`. */
  address: string;
  certificate: PeerCertificate;
  /** False for an ESXi host that serves disks: `--thumbprint` and `--url` apply only to the server. */
  isServer: boolean;
}

/** The error for a certificate that no certificate authority (CA) vouches for. `reason` is Node's error code, `now` the local clock. */
export function notTrusted(refused: RefusedCertificate, reason: string, now = new Date()): Hyper2kvmError {
  const { address, certificate } = refused;
  const { sentence, remedy } = causeOf(refused, reason, now);
  return new Hyper2kvmError(
    'tls-trust',
    `The certificate of ${address} is not trusted (${reason}). ${sentence}${describe(certificate)}`,
    { hint: remedy },
  );
}

export function notThePinnedOne({ address, certificate }: RefusedCertificate): Hyper2kvmError {
  return new Hyper2kvmError(
    'tls-trust',
    `The certificate of ${address} does not match the pinned thumbprint. ${describe(certificate)}`,
    {
      hint: 'Either the certificate was renewed, or a device in between intercepts the connection. Check on the server itself before you trust it.',
    },
  );
}

function causeOf(refused: RefusedCertificate, reason: string, now: Date): { sentence: string; remedy: string } {
  const { certificate } = refused;
  const pin = pinning(refused);
  const clock = `the clock of this host shows ${now.toISOString()}`;
  const [from, to] = [new Date(certificate.valid_from), new Date(certificate.valid_to)];
  if (now < from) {
    return {
      sentence: `It is valid from ${from.toISOString()}, but ${clock}. `,
      remedy: `Compare both clocks (date -u) and set the wrong one, here or on the server. ${pin}`,
    };
  }
  if (now > to) {
    return {
      sentence: `It expired at ${to.toISOString()}, and ${clock}. `,
      remedy: `Renew the certificate, or set the clock of this host if it is wrong. ${pin}`,
    };
  }
  if (reason === 'CERT_HAS_EXPIRED' || reason === 'CERT_NOT_YET_VALID') {
    return {
      sentence: `One of the authorities above it is not valid at this time: ${clock}. `,
      remedy: `Renew that authority's certificate, or set the clock of this host if it is wrong. ${pin}`,
    };
  }
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = namesIn(certificate);
    const way = refused.isServer ? 'Use one of its names in --url.' : 'Give the host a certificate with its name.';
    return { sentence: `Its names are ${names}. `, remedy: `${way} ${pin}` };
  }
  const weakness = weaknessOf(certificate, reason);
  if (weakness !== undefined) {
    return { sentence: `${weakness} `, remedy: `Replace it by a certificate with a key of 2048 bits or more. ${pin}` };
  }
  return {
    sentence: '',
    remedy: `Compare the thumbprint with that of the server. ${pin} Or trust its authority with --ca-file.`,
  };
}

function pinning({ address, certificate, isServer }: RefusedCertificate): string {
  const print = certificate.fingerprint256;
  return isServer
    ? `If the thumbprint is that of the server, you can pin it: --thumbprint ${print}.`
    : `If the thumbprint is that of the host, you can trust it with a line "${address} ${print}" in the file that GOVC_TLS_KNOWN_HOSTS points to.`;
}

/** RFC 5280 limits a common name to 64 characters; a server may send any number. */
const MOST_OF_NAME = 200;

function describe(certificate: PeerCertificate): string {
  const name = [certificate.subject?.CN ?? certificate.subject?.O ?? 'nobody'].flat().join(', ');
  const issuer = [certificate.issuer?.CN ?? certificate.issuer?.O ?? 'nobody'].flat().join(', ');
  return (
    `It is for ${foreignText(name, MOST_OF_NAME)}, issued by ${foreignText(issuer, MOST_OF_NAME)}, and expires ${certificate.valid_to}. ` +
    `SHA-256 ${certificate.fingerprint256}, SHA-1 ${certificate.fingerprint}.`
  );
}

/** The names that a client compares the host with (RFC 6125): those in the subjectAltName extension. A certificate without it has none. */
function namesIn(certificate: PeerCertificate): string {
  const names = (certificate.subjectaltname ?? '')
    .split(', ')
    .filter((name) => /^(DNS|IP Address):/.test(name))
    .map((name) => name.replace(/^[^:]*:/, ''));
  return names.length === 0 ? 'none' : foreignText(names.join(', '), MOST_OF_NAME);
}

/** The smallest key that OpenSSL 3 accepts at its usual security level 2 (112 bits of security). */
const LEAST_RSA_BITS = 2048;
const LEAST_EC_BITS = 224;

/** Node reports OpenSSL's rejections of weak keys and hashes as `UNSPECIFIED`. */
function weaknessOf(certificate: PeerCertificate, reason: string): string | undefined {
  if (reason !== 'UNSPECIFIED') return undefined;
  const bits = 'bits' in certificate ? certificate.bits : undefined;
  const least = 'asn1Curve' in certificate && certificate.asn1Curve !== undefined ? LEAST_EC_BITS : LEAST_RSA_BITS;
  if (bits !== undefined && bits < least) return `Its key of ${bits} bits is too weak.`;
  return 'Its key or its signature, or that of an authority above it, is too weak for OpenSSL.';
}
