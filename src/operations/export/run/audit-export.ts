import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Hyper2kvmError, isRetryable, sentenceOf } from '../../../base/errors.ts';
import { localFileError } from '../../../base/files/local-file-error.ts';
import { partialPath } from '../../../base/output/partial-name.ts';
import type { RateLimiter } from '../../../base/rate-limiter.ts';
import { backOffMs, pause } from '../../../base/time-limit.ts';
import { copyImage } from '../../../image/copy/copy-image.ts';
import type { WorkerPool } from '../../../image/copy/worker-pool.ts';
import { createNullSink } from '../../../image/create-sink.ts';
import { openImage } from '../../../image/open-image.ts';
import { contentDigest } from '../source/content-digest.ts';
import type { OpenedFile, RandomAccessRequest } from '../source/disk-source.ts';
import { LeaseDiskSource } from '../source/lease-disk-source.ts';
import { FORMATS } from '../target/formats.ts';
import type { CompleteFile } from '../history/resume-record.ts';
import type { ExportAudit, ExportedDisk, ExportFormat } from '../types.ts';

export interface AuditTask {
  request: RandomAccessRequest;
  /** The disks in hardware order, and their files. */
  disks: readonly ExportedDisk[];
  complete: readonly CompleteFile[];
  folder: string;
  baseName: string;
  format: ExportFormat;
  limiter: RateLimiter | undefined;
  retries: number;
  firstByteTimeoutMs: number;
  stallTimeoutMs: number;
}

const TAR_HEADER_BYTES = 512;

/**
 * Downloads all disks once more through the export lease, and compares the content with that of the written files, which
 * still have their partial names. No disk may be open over NFC.
 * @throws Hyper2kvmError `image` for a difference; the errors of the lease.
 */
export async function auditByLease(task: AuditTask, signal: AbortSignal): Promise<ExportAudit> {
  const { request, disks } = task;
  const { step, nfc } = request;
  await using use = nfc.workers.use();
  const { pool } = use;
  const written: string[] = [];
  for (const disk of disks) {
    step('verify', `Audit: reading ${disk.file}`);
    written.push(await digestOfFile(task, disk, pool, signal));
  }
  let transferredBytes = 0;
  const onBytes = (bytes: number): void => void (transferredBytes += bytes);
  await downloadAll(task, { pool, onBytes }, signal, (index, digest) => {
    const disk = disks[index];
    if (disk === undefined || digest === written[index]) return;
    throw new Hyper2kvmError(
      'image',
      `The audit failed: ${disk.file} does not have the content of ${disk.label} of ${request.vm} in the export lease of ${request.client.server}.`,
      { hint: 'The files were removed. Export the VM with --transport lease, and report this.' },
    );
  });
  return { transport: 'lease', disks: disks.map(({ file }) => file), transferredBytes };
}

/** Calls `compare` with the content digest of each disk. A disk that was compared is not downloaded again. */
async function downloadAll(
  task: AuditTask,
  { pool, onBytes }: { pool: WorkerPool; onBytes: (bytes: number) => void },
  signal: AbortSignal,
  compare: (index: number, digest: string) => void,
): Promise<void> {
  const { request, disks, limiter, retries, firstByteTimeoutMs, stallTimeoutMs } = task;
  const { step, warn } = request;
  let next = 0;
  using lease = new LeaseDiskSource({ ...request, hasEarlierRun: true });
  for (let failures = 0; next < disks.length;) {
    try {
      await lease.use(
        () => (next * 100) / disks.length,
        signal,
        async (source, inner) => {
          const keys = source.files.filter(({ kind }) => kind === 'disk').map(({ key }) => key);
          for (; next < disks.length; next += 1) {
            const { file = '', label = '' } = disks[next] ?? {};
            step('verify', `Audit: comparing ${file} with ${label} in the export lease`);
            const opened = await source.open(keys[next] ?? '', { firstByteTimeoutMs, stallTimeoutMs }, inner);
            const counted = countBytes(opened, { limiter, onBytes, signal: inner });
            const options = { name: label, limitBytes: Number.POSITIVE_INFINITY, pool };
            compare(next, await contentDigest(counted, options, inner));
          }
        },
      );
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      if (!isRetryable(error) || failures > retries) throw error;
      warn(`The audit is repeated from its last disk on: ${sentenceOf(error)}`);
      await pause(backOffMs(failures), signal);
    }
  }
}

function countBytes(
  opened: OpenedFile,
  {
    limiter,
    onBytes,
    signal,
  }: { limiter: RateLimiter | undefined; onBytes: (bytes: number) => void; signal: AbortSignal },
): OpenedFile {
  if (opened.access !== 'stream') return opened;
  const counted = async function* (): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of opened.chunks) {
      if (limiter) await limiter.take(chunk.length, signal);
      onBytes(chunk.length);
      yield chunk;
    }
  };
  return { ...opened, chunks: counted() };
}

/** The content digest of a written disk. */
async function digestOfFile(
  { complete, folder, baseName, format }: AuditTask,
  { file }: ExportedDisk,
  pool: WorkerPool,
  signal: AbortSignal,
): Promise<string> {
  const { image } = FORMATS[format];
  if (image) {
    await using opened = await openImage(partialPath(join(folder, file)), {
      format: image === 'raw' ? 'raw' : 'qcow2',
    });
    const options = { pool, compression: undefined, verify: true, hash: true, signal };
    return (await copyImage(opened, createNullSink(), options)).contentSha256;
  }
  const member = complete.find(({ member: { name } }) => name === file)?.member;
  const start = member?.offsetBytes === undefined ? 0 : member.offsetBytes + TAR_HEADER_BYTES;
  const path = partialPath(join(folder, format === 'ova' ? `${baseName}.ova` : file));
  const chunks = readPart(path, start, member?.sizeBytes ?? 0);
  const stream = { access: 'stream' as const, sizeBytes: 0, chunks };
  return await contentDigest(stream, { name: file, limitBytes: Number.POSITIVE_INFINITY, pool }, signal);
}

async function* readPart(path: string, start: number, sizeBytes: number): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* createReadStream(path, { start, end: start + sizeBytes - 1, highWaterMark: 1024 * 1024 });
  } catch (error) {
    throw localFileError('read', path, error);
  }
}
