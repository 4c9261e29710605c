import { Hyper2kvmError } from '../../../base/errors.ts';
import type { LeaseManifestEntry } from '../../../vsphere/lease/nfc-lease.ts';

/** What arrived for one device. */
export interface ArrivedFile {
  /** The device's key in the lease. */
  key: string;
  name: string;
  sizeBytes: number;
  sha256: string;
  /** Computed where the server gives no SHA-256. */
  sha1: string | undefined;
}

/** What arrived is not what the manifest of the lease says. Retryable: the line or the host may have changed it. */
export class ManifestMismatchError extends Hyper2kvmError {
  constructor(name: string, sent: string, arrived: string) {
    super('transfer', `${name} is not what the server says it sent: ${sent} were sent, ${arrived} arrived.`, {
      retryable: true,
      hint: 'Something on the way changes the data, or the host is faulty.',
    });
  }
}

/**
 * Compares what arrived with what the server says it sent. A device without an entry is not compared: servers before 6.7 and simulators offer none.
 * @returns whether a hash was compared, and so proves what arrived.
 * @throws ManifestMismatchError: the file can be fetched again.
 */
export function checkAgainstManifest(file: ArrivedFile, manifest: readonly LeaseManifestEntry[]): boolean {
  const entry = manifest.find(({ key }) => key === file.key);
  if (!entry) return false;
  if (entry.sizeBytes > 0 && entry.sizeBytes !== file.sizeBytes) {
    throw new ManifestMismatchError(file.name, `${entry.sizeBytes} bytes`, `${file.sizeBytes} bytes`);
  }
  const { algorithm, expected } = digestOf(entry);
  const arrived = algorithm === 'sha256' ? file.sha256 : file.sha1;
  if (!expected || arrived === undefined) return false;
  if (expected !== arrived) throw new ManifestMismatchError(file.name, `${algorithm} ${expected}`, arrived);
  return true;
}

/** `checksum` came with 6.7; before, `sha1` was all there was. */
function digestOf(entry: LeaseManifestEntry): { algorithm: 'sha1' | 'sha256'; expected: string } {
  if (entry.checksum && entry.checksumType.replace('-', '') === 'sha256') {
    return { algorithm: 'sha256', expected: entry.checksum };
  }
  if (entry.checksum && entry.checksumType.replace('-', '') === 'sha1') {
    return { algorithm: 'sha1', expected: entry.checksum };
  }
  return { algorithm: 'sha1', expected: entry.sha1 };
}
