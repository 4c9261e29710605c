import { Hyper2kvmError } from '../../base/errors.ts';
import { withoutDots } from './file-href.ts';

export type DigestAlgorithm = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** One line of a manifest. */
export interface ManifestEntry {
  /** Relative to the descriptor, without a leading `./`. */
  name: string;
  algorithm: DigestAlgorithm;
  /** Hex, lower case. */
  digest: string;
}

/**
 * Returns the text of a manifest (`.mf`): one line per file, in the given order, in the syntax of DSP0243:
 * `SHA256(name)= hex`. Hashes are SHA-256 in hex.
 * @throws Hyper2kvmError kind `internal` for a name with a line break, which the format cannot represent.
 */
export function manifestText(files: Iterable<{ name: string; sha256: string }>): string {
  return Array.from(files, ({ name, sha256 }) => {
    if (/[\r\n\0]/.test(name))
      throw new Hyper2kvmError('internal', `${JSON.stringify(name)} cannot be used in a manifest.`);
    return `SHA256(${name})= ${sha256.toLowerCase()}\n`;
  }).join('');
}

const DIGEST_LENGTHS: Record<DigestAlgorithm, number> = { sha1: 40, sha256: 64, sha384: 96, sha512: 128 };

/**
 * `SHA256(name)= hex` from VMware, `SHA1 (name) = hex` from openssl, `SHA2-256(name)= hex` from newer openssl versions.
 * A name can contain parentheses and `)= `. The last match is the separator, because hexadecimal digits contain
 * neither.
 */
const LINE = /^SHA(?:2-)?(1|256|384|512) ?\((.+)\) ?= ?([0-9a-f]+)$/i;

/**
 * Parses a manifest; `label` identifies it in errors.
 * @throws Hyper2kvmError kind `image` for an invalid line, a digest of the wrong length, or a repeated file.
 */
export function parseManifest(text: string, label: string): ManifestEntry[] {
  const entries = new Map<string, ManifestEntry>();
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const entry = parseLine(line);
    if (entry === undefined) throw refused(label, index, 'is not a digest of a file');
    if (entries.has(entry.name)) throw refused(label, index, `names ${entry.name} a second time`);
    entries.set(entry.name, entry);
  }
  return [...entries.values()];
}

function parseLine(line: string): ManifestEntry | undefined {
  const [, bits, name, digest] = LINE.exec(line) ?? [];
  const algorithm = (['sha1', 'sha256', 'sha384', 'sha512'] as const).find((known) => known === `sha${bits}`);
  if (algorithm === undefined || name === undefined || digest?.length !== DIGEST_LENGTHS[algorithm]) return undefined;
  return { name: withoutDots(name), algorithm, digest: digest.toLowerCase() };
}

function refused(label: string, index: number, what: string): Hyper2kvmError {
  return new Hyper2kvmError('image', `Line ${index + 1} of the manifest ${label} ${what}.`, {
    hint: 'The manifest may be damaged: download the package again.',
  });
}
