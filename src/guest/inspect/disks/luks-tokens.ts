import type { Guestfs } from '../../guestfs.ts';

/** A way to open a volume without a passphrase: a token in the LUKS 2 header. */
export type UnlockMethod = { kind: 'tang'; urls: readonly string[] } | { kind: 'tpm2' | 'fido2' | 'pkcs11' };

/** The size of the binary header, before the JSON area (LUKS2 On-Disk Format Specification 1.1, 2.1). */
const BINARY_HEADER_BYTES = 4096;
const MAGIC = Buffer.from('LUKS\xba\xbe', 'latin1');
/** The largest header in the specification: 4 MiB. */
const MOST_HEADER_BYTES = 4 * 1024 * 1024;

/** The tokens of an encrypted device; empty for LUKS 1, whose header does not support tokens. */
export async function readUnlockMethods(session: Guestfs, device: string): Promise<UnlockMethod[]> {
  const header = await session.call(['pread-device', device, String(BINARY_HEADER_BYTES), '0']);
  const jsonBytes = jsonAreaBytes(header);
  if (jsonBytes === 0) return [];
  const area = await session.call(['pread-device', device, String(jsonBytes), String(BINARY_HEADER_BYTES)]);
  return unlockMethodsOf(area);
}

/** The length of the JSON area that follows the binary header; 0 if there is none. */
export function jsonAreaBytes(header: Buffer): number {
  if (header.length < 16 || !header.subarray(0, MAGIC.length).equals(MAGIC) || header.readUInt16BE(6) !== 2) return 0;
  const headerBytes = Number(header.readBigUInt64BE(8));
  return headerBytes <= MOST_HEADER_BYTES ? Math.max(0, headerBytes - BINARY_HEADER_BYTES) : 0;
}

/** Reads the tokens in a JSON area, which ends with a NUL. Invalid JSON has no tokens. */
export function unlockMethodsOf(area: Buffer): UnlockMethod[] {
  const end = area.indexOf(0);
  const tokens = parsed(area.subarray(0, end < 0 ? undefined : end).toString('utf8'));
  return Object.values(recordOf(recordOf(tokens)['tokens'])).flatMap((token) => methodsOf(recordOf(token)));
}

function methodsOf(token: Record<string, unknown>): UnlockMethod[] {
  switch (token['type']) {
    case 'systemd-tpm2':
      return [{ kind: 'tpm2' }];
    case 'systemd-fido2':
      return [{ kind: 'fido2' }];
    case 'systemd-pkcs11':
      return [{ kind: 'pkcs11' }];
    case 'clevis': {
      const header = recordOf(token['jwe'])['protected'];
      return typeof header === 'string' ? pinsOf(header) : [];
    }
    default:
      return [];
  }
}

/**
 * The protected header of a JWE (RFC 7516) is base64url-encoded JSON, in which Clevis stores its pin. A
 * secret-sharing pin (`sss`) contains further ones.
 */
function pinsOf(header: string, depth = 0): UnlockMethod[] {
  const clevis = recordOf(recordOf(parsed(Buffer.from(header, 'base64url').toString('utf8')))['clevis']);
  if (clevis['pin'] === 'tpm2') return [{ kind: 'tpm2' }];
  if (clevis['pin'] === 'tang') {
    const url = recordOf(clevis['tang'])['url'];
    return [{ kind: 'tang', urls: typeof url === 'string' ? [url] : [] }];
  }
  const shares = recordOf(clevis['sss'])['jwe'];
  if (clevis['pin'] !== 'sss' || depth > 3 || !Array.isArray(shares)) return [];
  return shares.flatMap((share) => (typeof share === 'string' ? pinsOf(share.split('.')[0] ?? '', depth + 1) : []));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // If the header is damaged, the second copy may be valid; the only loss is a warning.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  // oxlint-disable-next-line no-unsafe-type-assertion -- any object has properties of unknown type
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
