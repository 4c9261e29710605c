import { createHash } from 'node:crypto';
import { Hyper2kvmError } from '../../../base/errors.ts';
import type { RateLimiter } from '../../../base/rate-limiter.ts';
import { StreamOptimizedCheck } from '../../../image/vmdk/stream/stream-optimized-check.ts';
import type { MemberWriter } from '../../../ovf/write/package-writer.ts';
import { downloadDevice } from '../../../vsphere/lease/disk-download.ts';
import type { LeaseDevice } from '../../../vsphere/lease/nfc-lease.ts';
import type { VsphereClient } from '../../../vsphere/session/vsphere-client.ts';
import type { ArrivedFile } from '../source/lease-manifest.ts';

/** A file of the VM that is to be fetched: a disk, or its NVRAM. */
export interface WantedFile {
  /** The device's key, the same in every lease on the VM. */
  key: string;
  /** The name it gets. */
  name: string;
  isDisk: boolean;
  /** By the VM's hardware; of an NVRAM, its size. */
  capacityBytes: number;
}

export interface FetchOptions {
  client: VsphereClient;
  limiter: RateLimiter | undefined;
  firstByteTimeoutMs: number;
  stallTimeoutMs: number;
  /** Compute a SHA-1 too, for a server that gives no SHA-256. */
  withSha1: boolean;
  /** Called after every chunk. */
  onProgress: (receivedBytes: number, coveredBytes: number) => void;
}

/** Of a file that is not a disk, whatever the server announces: an NVRAM has less than 1 MiB. */
const MOST_OTHER_BYTES = 16 * 1024 * 1024;

/**
 * Fetches one file once: hashes and checks it while it streams into `member`, which is neither committed nor discarded here.
 * @throws Hyper2kvmError when the stream breaks, is no whole disk, or has another capacity than the VM's hardware.
 */
export async function fetchFile(
  file: WantedFile,
  device: LeaseDevice,
  member: Pick<MemberWriter, 'write'>,
  { client, limiter, firstByteTimeoutMs, stallTimeoutMs, withSha1, onProgress }: FetchOptions,
  signal: AbortSignal,
): Promise<ArrivedFile & { populatedBytes: number | undefined }> {
  const check = file.isDisk ? new StreamOptimizedCheck({ name: file.name }) : undefined;
  const sha256 = createHash('sha256');
  const sha1 = withSha1 ? createHash('sha1') : undefined;
  let sizeBytes = 0;
  for await (const chunk of downloadDevice(client, device, { firstByteTimeoutMs, stallTimeoutMs }, signal)) {
    if (limiter) await limiter.take(chunk.length, signal);
    check?.update(chunk);
    sha256.update(chunk);
    sha1?.update(chunk);
    sizeBytes += chunk.length;
    if (!check && sizeBytes > mostOther(device)) throw tooLong(file, device);
    await member.write(chunk);
    onProgress(sizeBytes, check ? check.coveredBytes : sizeBytes);
  }
  const summary = check?.finish();
  if (summary && summary.capacityBytes !== file.capacityBytes) throw wrongCapacity(file, summary.capacityBytes);
  if (!file.isDisk && device.fileSizeBytes > 0 && sizeBytes !== device.fileSizeBytes)
    throw wrongSize(file, device, sizeBytes);
  return {
    key: file.key,
    name: file.name,
    sizeBytes,
    sha256: sha256.digest('hex'),
    sha1: sha1?.digest('hex'),
    populatedBytes: summary && Math.min(summary.grainCount * summary.grainSizeBytes, summary.capacityBytes),
  };
}

function mostOther({ fileSizeBytes }: LeaseDevice): number {
  return Math.min(fileSizeBytes || MOST_OTHER_BYTES, MOST_OTHER_BYTES);
}

function tooLong(file: WantedFile, device: LeaseDevice): Hyper2kvmError {
  return new Hyper2kvmError(
    'transfer',
    `${file.name} is longer than ${mostOther(device)} bytes, the most that it can have.`,
    {
      retryable: true,
    },
  );
}

function wrongCapacity(file: WantedFile, arrivedBytes: number): Hyper2kvmError {
  return new Hyper2kvmError(
    'image',
    `${file.name} arrived with a capacity of ${arrivedBytes} bytes; the VM's hardware has ${file.capacityBytes}.`,
    { hint: 'The disk was changed during the export, or the server sent another one.' },
  );
}

function wrongSize(file: WantedFile, device: LeaseDevice, sizeBytes: number): Hyper2kvmError {
  return new Hyper2kvmError(
    'transfer',
    `${file.name} arrived with ${sizeBytes} bytes; the server announced ${device.fileSizeBytes}.`,
    { retryable: true },
  );
}
