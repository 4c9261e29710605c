import { Hyper2kvmError } from '../../../base/errors.ts';

/** What a source says that it sent of a file. */
export interface ManifestEntry {
  /** That of the file. */
  key: string;
  /** 0 where it is not known. */
  sizeBytes: number;
  digest: { algorithm: 'sha1' | 'sha256'; /** Lower case. */ hex: string } | undefined;
}

/** What arrived of a file. */
export interface ArrivedFile {
  key: string;
  name: string;
  sizeBytes: number;
  sha256: string;
  /** Computed where the server gives no SHA-256. */
  sha1: string | undefined;
}

/** What arrived is not what the manifest says. Retryable: the line or the host may have changed it. */
export class ManifestMismatchError extends Hyper2kvmError {
  constructor(name: string, sent: string, arrived: string) {
    super('transfer', `${name} does not match the manifest of the server: ${sent} were sent, ${arrived} arrived.`, {
      retryable: true,
      hint: 'A device on the network path changes the data, or the host is faulty.',
    });
  }
}

/**
 * Compares what arrived with what the server says it sent. A file without an entry is not compared.
 * @returns whether a hash was compared, and so proves what arrived.
 * @throws ManifestMismatchError: the file can be fetched again.
 */
export function checkAgainstManifest(file: ArrivedFile, manifest: readonly ManifestEntry[]): boolean {
  const entry = manifest.find(({ key }) => key === file.key);
  if (!entry) return false;
  if (entry.sizeBytes > 0 && entry.sizeBytes !== file.sizeBytes) {
    throw new ManifestMismatchError(file.name, `${entry.sizeBytes} bytes`, `${file.sizeBytes} bytes`);
  }
  const { algorithm, hex: expected } = entry.digest ?? { algorithm: 'sha256', hex: '' };
  const arrived = algorithm === 'sha256' ? file.sha256 : file.sha1;
  if (!expected || arrived === undefined) return false;
  if (expected !== arrived) throw new ManifestMismatchError(file.name, `${algorithm} ${expected}`, arrived);
  return true;
}
