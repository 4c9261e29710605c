import { generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  boolean,
  context,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** A certificate and its private key, in the form that a TLS server expects. */
export interface ServerCertificate {
  certificatePem: string;
  keyPem: string;
}

/** An authority that signs certificates. Clients pass its own certificate in `--ca-file`. */
export interface CertificateAuthority {
  certificatePem: string;
  issue(request: CertificateRequest): ServerCertificate;
}

export interface CertificateRequest {
  commonName: string;
  /** Host names and IP addresses for which the certificate is valid. */
  hosts?: readonly string[];
  /** Default: one day ago. */
  notBefore?: Date;
  /** Default: one year from now. A date in the past makes an expired certificate. */
  notAfter?: Date;
  /** Size of an RSA key. Default: no RSA key, but a 256-bit EC key. */
  rsaBits?: number;
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const DAY_MS = 86_400_000;

/** Creates a self-signed certificate, as every ESXi host has by default. */
export function selfSignedCertificate(request: CertificateRequest): ServerCertificate {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = certificateDer(request, keys.publicKey, { name: request.commonName, key: keys.privateKey }, true);
  return { certificatePem: pem('CERTIFICATE', der), keyPem: privateKeyPem(keys.privateKey) };
}

export function createCertificateAuthority(commonName: string): CertificateAuthority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { name: commonName, key: keys.privateKey };
  return {
    certificatePem: pem('CERTIFICATE', certificateDer({ commonName }, keys.publicKey, issuer, true)),
    issue(request) {
      const { rsaBits } = request;
      const leaf =
        rsaBits === undefined
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('rsa', { modulusLength: rsaBits });
      const der = certificateDer(request, leaf.publicKey, issuer, false);
      return { certificatePem: pem('CERTIFICATE', der), keyPem: privateKeyPem(leaf.privateKey) };
    },
  };
}

/** Returns the thumbprint in vSphere's notation: uppercase hex bytes, separated by colons. */
export function thumbprintOf(certificatePem: string, algorithm: 'sha1' | 'sha256'): string {
  const certificate = new X509Certificate(certificatePem);
  return algorithm === 'sha1' ? certificate.fingerprint : certificate.fingerprint256;
}

/** Encodes a certificate as RFC 5280, section 4.1, defines it. */
function certificateDer(
  request: CertificateRequest,
  publicKey: KeyObject,
  issuer: { name: string; key: KeyObject },
  authority: boolean,
): Buffer {
  const now = Date.now();
  const toBeSigned = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x4d]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer.name),
    sequence(time(request.notBefore ?? new Date(now - DAY_MS)), time(request.notAfter ?? new Date(now + 365 * DAY_MS))),
    distinguishedName(request.commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...extensions(request.hosts ?? [], authority))),
  );
  return sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(sign('sha256', toBeSigned, issuer.key)));
}

function extensions(hosts: readonly string[], authority: boolean): Buffer[] {
  const basicConstraints = sequence(
    objectIdentifier('2.5.29.19'),
    boolean(true),
    octetString(authority ? sequence(boolean(true)) : sequence()),
  );
  if (hosts.length === 0) return [basicConstraints];
  const names = hosts.map((host) =>
    isIP(host) ? context(7, addressBytes(host), 'primitive') : context(2, Buffer.from(host, 'latin1'), 'primitive'),
  );
  return [basicConstraints, sequence(objectIdentifier('2.5.29.17'), octetString(sequence(...names)))];
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const after = groups(tail ?? '');
  const before = groups(head);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}

function groups(part: string): number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
}

function privateKeyPem(key: KeyObject): string {
  return String(key.export({ type: 'pkcs8', format: 'pem' }));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
