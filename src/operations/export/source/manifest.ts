import { Hyper2kvmError } from '../../../base/errors.ts';

/** What a source reports to have sent of a file. */
export interface ManifestEntry {
  /** The key of the file. */
  key: string;
  /** 0 if unknown. */
  sizeBytes: number;
  digest: { algorithm: 'sha1' | 'sha256'; /** Lower case. */ hex: string } | undefined;
}

/** The received content of a file. */
export interface ArrivedFile {
  key: string;
  name: string;
  sizeBytes: number;
  sha256: string;
  /** Computed only when the server provides no SHA-256. */
  sha1: string | undefined;
}

/** The received content does not match the manifest. Retryable: the network or the host may have corrupted it. */
export class ManifestMismatchError extends Hyper2kvmError {
  constructor(name: string, sent: string, arrived: string) {
    super('transfer', `${name} does not match the manifest of the server: ${sent} were sent, ${arrived} arrived.`, {
      retryable: true,
      hint: 'A device on the network path changes the data, or the host is faulty.',
    });
  }
}

/**
 * Compares the received content with the server's manifest. A file without an entry is not compared.
 * @returns true when a hash was compared, which proves the content.
 * @throws ManifestMismatchError: the file can be downloaded again.
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
