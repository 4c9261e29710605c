import { Hyper2kvmError, isRetryable, sentenceOf } from '../../../base/errors.ts';
import { VsphereFault } from '../../../vsphere/soap/fault.ts';
import { contentDigest } from './content-digest.ts';
import type { OpenedFile, RandomAccessRequest } from './disk-source.ts';
import { LeaseDiskSource } from './lease-disk-source.ts';
import { ContentDiffersError } from './nfc-run.ts';

const COMPARED_BYTES = 64 * 1024 * 1024;
const LIMITS = { firstByteTimeoutMs: 5 * 60_000, stallTimeoutMs: 60_000 };

/**
 * Compares the beginning of a VM's first disk as it is read over NFC with the same disk in an export lease. A host does
 * not open a file for both at the same time, so `open` opens the disk over NFC, and it is closed before the lease begins.
 * False, with a warning, if no lease can be had.
 * @throws ContentDiffersError when the content differs.
 */
export async function compareWithLease(
  request: RandomAccessRequest,
  open: () => Promise<OpenedFile & AsyncDisposable>,
  host: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { nfc, client, vm, disks, step, warn } = request;
  step('verify', 'Comparing the first 64 MiB over NFC with the export lease');
  const label = disks[0]?.label ?? 'the first disk';
  await using use = nfc.workers.use();
  const options = { name: label, limitBytes: COMPARED_BYTES, pool: use.pool };
  const overNfc = await digestAndClose(await open(), (file) => contentDigest(file, options, signal));
  let byLease: string;
  try {
    byLease = await digestByLease(request, options, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Hyper2kvmError)) throw error;
    if (!(error instanceof VsphereFault) && !isRetryable(error) && error.kind !== 'transfer') throw error;
    warn(`The reads over NFC could not be compared with the export lease: ${sentenceOf(error)}`);
    return false;
  }
  if (byLease === overNfc) return true;
  throw new ContentDiffersError(
    `the first 64 MiB of ${label} of ${vm} differ between NFC (${host}) and the export lease (${client.server})`,
    { hint: 'Use --transport lease for the VMs of this server, and report this.' },
  );
}

async function digestAndClose(
  file: OpenedFile & AsyncDisposable,
  digest: (file: OpenedFile) => Promise<string>,
): Promise<string> {
  await using opened = file;
  return await digest(opened);
}

async function digestByLease(
  request: RandomAccessRequest,
  options: Parameters<typeof contentDigest>[1],
  signal: AbortSignal,
): Promise<string> {
  using lease = new LeaseDiskSource({ ...request, verify: () => Promise.resolve(), step: () => {} });
  return await lease.use(
    () => 0,
    signal,
    async (source, inner) => {
      const key = source.files.find(({ kind }) => kind === 'disk')?.key ?? '';
      return await contentDigest(await source.open(key, LIMITS, inner), options, inner);
    },
  );
}
