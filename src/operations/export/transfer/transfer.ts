import { forEachConcurrently } from '../../../base/concurrency.ts';
import { Hyper2kvmError, InterruptedError, isRetryable, sentenceOf } from '../../../base/errors.ts';
import type { RateLimiter } from '../../../base/rate-limiter.ts';
import { formatBytes } from '../../../base/text/amounts.ts';
import { backOffMs, pause } from '../../../base/time-limit.ts';
import { NotADiskError } from '../../../image/vmdk/stream/stream-error.ts';
import type { SharedWorkers } from '../../../image/copy/shared-workers.ts';
import type { DiskSource, SourceFiles } from '../source/disk-source.ts';
import {
  checkAgainstManifest,
  ManifestMismatchError,
  type ArrivedFile,
  type ManifestEntry,
} from '../source/manifest.ts';
import type { MemberHints, MemberRecord } from '../../../ovf/write/package-writer.ts';
import { fetchFile, type FetchOptions, type Receiver } from './fetch-file.ts';
import type { WantedFile } from './wanted-files.ts';
import { ManifestDispute } from './manifest-dispute.ts';
import type { ResumeRecord, CompleteFile } from '../history/resume-record.ts';
import { TransferProgress } from './transfer-progress.ts';
import type { TransferEvent } from '../types.ts';
import { UnprovedFiles, type ServerHashes } from './unproved-files.ts';

/** The destination of the files. */
export interface TransferTarget {
  /** How many members can be open at the same time. */
  readonly maxOpenMembers: number;
  openMember(name: string, hints: MemberHints): Promise<TransferMember>;
}

/** The destination of one file, see `MemberWriter`. */
export type TransferMember = Receiver & {
  readonly restsOnHash: boolean;
  commit(sha256: string): Promise<MemberRecord>;
  discard(): Promise<void>;
  /** Keeps what was written, so that the next attempt or run can continue. */
  suspend?(): Promise<void>;
};

export interface TransferOptions {
  vm: string;
  writer: TransferTarget;
  resume: Pick<ResumeRecord, 'add' | 'setComplete'>;
  limiter: RateLimiter | undefined;
  parallel: number;
  retries: number;
  firstByteTimeoutMs: number;
  stallTimeoutMs: number;
  hashes: ServerHashes;
  workers: SharedWorkers;
  /** Receives a warning for the result. */
  warn: (message: string) => void;
  report: (event: TransferEvent) => void;
}

/** A file to download, over all its attempts. */
interface Job {
  file: WantedFile;
  failures: number;
  /** The source must be opened for this file only: some servers send nothing for a second download under the same lease. */
  exclusive: boolean;
  /** The server sent no hash for it or a wrong one. The next attempt verifies the disk by its own checksums. */
  unproved: boolean;
  dispute: ManifestDispute;
  /**
   * The file is complete but did not match the manifest after the last file. It is downloaded once more for comparison
   * only, and not written.
   */
  isCompared: boolean;
}

/** The destination of a file that is only compared. */
const NOWHERE = { write: () => Promise.resolve() };

/**
 * Downloads the files of one VM until all are complete. All download retries are made here. A failed file restarts from
 * its first byte, without reopening the source while its files are still available. Each file gets `retries` more
 * attempts, and so does opening the source.
 */
export class Transfer {
  readonly #options: TransferOptions;
  /** Complete files in the order of their completion, which is their order in an OVA. */
  readonly complete: CompleteFile[] = [];
  readonly #progress: TransferProgress;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#progress = new TransferProgress(options.vm, options.report);
  }

  /** Adds a complete file of an earlier run. */
  keep(file: CompleteFile): void {
    this.complete.push(file);
  }

  get transferredBytes(): number {
    return this.#progress.transferredBytes;
  }

  /**
   * Downloads the files that `wantedOf` returns when the source is first opened. `source` checks each time that the VM
   * is unchanged.
   * @throws the error of a file's last attempt; a non-retryable error at once; the signal's reason.
   */
  async run(source: DiskSource, wantedOf: (files: SourceFiles) => WantedFile[], signal: AbortSignal): Promise<void> {
    let jobs: Job[] | undefined;
    let failures = 0;
    for (;;) {
      try {
        const pending = await source.use(
          () => this.#progress.percent,
          signal,
          async (files, openSignal) => {
            jobs ??= this.#plan(wantedOf(files));
            const wanted = this.#pending(jobs);
            await this.#fetchAll(
              wanted[0]?.exclusive ? wanted.slice(0, 1) : wanted.filter((job) => !job.exclusive),
              files,
              openSignal,
            );
            return this.#pending(jobs);
          },
        );
        if (pending.length === 0) return;
        failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        failures += 1;
        if (!isRetryable(error) || failures > this.#options.retries) throw error;
        const waitMs = backOffMs(failures);
        const message = `${sentenceOf(error)} The disks are opened again in ${Math.ceil(waitMs / 1000)} s.`;
        this.#options.report({ type: 'warning', vm: this.#options.vm, message });
        await pause(waitMs, signal);
      }
    }
  }

  #plan(files: readonly WantedFile[]): Job[] {
    this.#progress.begin(files);
    return files.map((file) => ({
      file,
      failures: 0,
      exclusive: false,
      unproved: false,
      dispute: new ManifestDispute(),
      isCompared: false,
    }));
  }

  #pending(jobs: readonly Job[]): Job[] {
    return jobs.filter(({ file, isCompared }) => isCompared || !this.complete.some(({ key }) => key === file.key));
  }

  async #fetchAll(jobs: readonly Job[], files: SourceFiles, signal: AbortSignal): Promise<void> {
    const { parallel, writer } = this.#options;
    const arrivals: { job: Job; arrived: ArrivedFile }[] = [];
    await using unproved = new UnprovedFiles();
    await forEachConcurrently(jobs, Math.min(parallel, writer.maxOpenMembers), signal, async (job, jobSignal) => {
      const arrived = await this.#fetchPatiently(job, files, unproved, jobSignal);
      if (arrived && !job.dispute.isSettled) arrivals.push({ job, arrived });
    });
    // Some servers know a file's digest only after all files have been read.
    const manifest = await files.manifest(signal);
    for (const { job, arrived } of arrivals) await this.#compareLate(job, arrived, { manifest, unproved });
    const names = await unproved.settle(manifest);
    if (names.length > 0) this.#distrust(files.server, names);
  }

  /**
   * A file that does not match the manifest after the last file is downloaded again when the source is opened next. An
   * image that depends on the server's hash is written anew; any other file is only compared.
   */
  async #compareLate(
    job: Job,
    arrived: ArrivedFile,
    { manifest, unproved }: { manifest: readonly ManifestEntry[]; unproved: UnprovedFiles },
  ): Promise<void> {
    try {
      checkAgainstManifest(arrived, manifest);
    } catch (error) {
      if (!(error instanceof ManifestMismatchError)) throw error;
      if (this.#isManifestWrong(job, arrived, error)) return;
      if (!(await unproved.refuse(arrived))) {
        job.isCompared = true;
        // If the run is killed before the comparison, no later run may reuse the file.
        await this.#options.resume.setComplete(this.complete.filter(({ key }) => key !== arrived.key));
      }
      this.#progress.forget(arrived.key);
      job.failures += 1;
      if (job.failures > this.#options.retries) throw givenUp(job, error);
      this.#reportRetry(job, 0, error);
    }
  }

  #distrust(server: string, names: readonly string[]): void {
    const { vm, hashes, report } = this.#options;
    hashes.broken = true;
    const message = `${server} announced a SHA-256 of ${names.join(', ')}, but did not send it. Downloading again, and checking every grain.`;
    report({ type: 'warning', vm, message });
  }

  /** Returns undefined when the file has to wait until the source is reopened. */
  async #fetchPatiently(
    job: Job,
    files: SourceFiles,
    unproved: UnprovedFiles,
    signal: AbortSignal,
  ): Promise<ArrivedFile | undefined> {
    for (;;) {
      try {
        return await this.#fetchOnce(job, files, unproved, signal);
      } catch (error) {
        this.#progress.forget(job.file.key);
        if (signal.aborted && !isRetryable(signal.reason)) throw error;
        job.failures += 1;
        if (!isRetryable(error)) throw error;
        if (job.failures > this.#options.retries) throw givenUp(job, error);
        const waitMs = backOffMs(job.failures);
        this.#reportRetry(job, waitMs, error);
        if (error instanceof NotADiskError) {
          job.exclusive = true;
          return undefined;
        }
        if (signal.aborted) return undefined;
        await pause(waitMs, signal);
        if (!(await files.isAlive(signal))) return undefined;
      }
    }
  }

  async #fetchOnce(job: Job, files: SourceFiles, unproved: UnprovedFiles, signal: AbortSignal): Promise<ArrivedFile> {
    const { vm, writer, hashes, report } = this.#options;
    const { file } = job;
    const { name: disk, key, capacityBytes } = file;
    const startedAt = Date.now();
    report({ type: 'disk-started', vm, disk, capacityBytes, attempt: job.failures + 1 });
    if (job.isCompared) return await this.#fetchToCompare(job, files, startedAt, signal);
    const hashedByServer = files.proof !== 'nothing' && !hashes.broken && !job.unproved;
    const isRandomAccess = files.access === 'random-access';
    const hints = { isDisk: file.isDisk, capacityBytes, hashedByServer, isRandomAccess };
    const member = await writer.openMember(disk, hints);
    try {
      const options = this.#fetchOptions(file, !hashedByServer);
      const { populatedBytes, ...arrived } = await fetchFile(file, files, member, options, signal);
      const isProved = this.#isProved(job, arrived, await files.manifestSoFar(signal));
      const record = await member.commit(arrived.sha256);
      const accept = () =>
        this.#accept({ member: record, key, isDisk: file.isDisk, capacityBytes, populatedBytes }, arrived, startedAt);
      const refuse = async () => {
        job.unproved = true;
        this.#progress.forget(key);
        await member.discard();
      };
      if (isProved || !member.restsOnHash) await accept();
      else unproved.add({ arrived, accept, refuse });
      return arrived;
    } catch (error) {
      await (member.suspend !== undefined && canContinueAfter(error) ? member.suspend() : member.discard());
      throw error;
    }
  }

  /** @throws Hyper2kvmError `transfer`, not retryable, when the received bytes differ from those that were written. */
  async #fetchToCompare(job: Job, files: SourceFiles, startedAt: number, signal: AbortSignal): Promise<ArrivedFile> {
    const { resume, warn } = this.#options;
    const { file } = job;
    const arrived = await fetchFile(file, files, NOWHERE, this.#fetchOptions(file, false), signal);
    const warning = job.dispute.compare(arrived);
    if (warning === undefined) {
      throw new Hyper2kvmError(
        'transfer',
        `${file.name} arrived with different content when it was downloaded again.`,
        {
          hint: 'Run the export again. If this repeats, a device on the network path changes the data, or the host is faulty.',
        },
      );
    }
    job.isCompared = false;
    await resume.setComplete(this.complete);
    warn(warning);
    this.#reportComplete(arrived, startedAt);
    return arrived;
  }

  #fetchOptions({ key, name }: WantedFile, withSha1: boolean): FetchOptions {
    const { limiter, workers, firstByteTimeoutMs, stallTimeoutMs } = this.#options;
    const onProgress = this.#progress.ofAttempt(key, name);
    const onRestored = (restored: Parameters<FetchOptions['onRestored']>[0]): void =>
      this.#tellRestored(name, restored);
    return { limiter, limits: { firstByteTimeoutMs, stallTimeoutMs }, withSha1, workers, onRestored, onProgress };
  }

  #tellRestored(disk: string, { coveredBytes, isDamaged }: Parameters<FetchOptions['onRestored']>[0]): void {
    const { vm, warn, report } = this.#options;
    if (isDamaged) {
      warn(`${disk} was changed after an earlier attempt had written a part of it: it is downloaded from the start.`);
    }
    if (coveredBytes === 0) return;
    const detail = `Continuing ${disk} after ${formatBytes(coveredBytes)}, which were verified`;
    report({ type: 'step', vm, step: 'download', detail });
  }

  /** Compares with the manifest. True when a hash was compared, or when the manifest is known to be wrong; either proves the content. */
  #isProved(job: Job, arrived: ArrivedFile, manifest: readonly ManifestEntry[]): boolean {
    try {
      const isProved = checkAgainstManifest(arrived, manifest);
      if (isProved) job.dispute.forget();
      return isProved;
    } catch (error) {
      if (!(error instanceof ManifestMismatchError) || !this.#isManifestWrong(job, arrived, error)) throw error;
      return true;
    }
  }

  /** Adds a warning if so. The attempt that settles it was verified by the disk's own checksums. */
  #isManifestWrong(job: Job, arrived: ArrivedFile, error: ManifestMismatchError): boolean {
    job.unproved = true;
    const warning = job.dispute.judge(arrived, error);
    if (warning !== undefined) this.#options.warn(warning);
    return warning !== undefined;
  }

  async #accept(complete: CompleteFile, arrived: ArrivedFile, startedAt: number): Promise<void> {
    await this.#options.resume.add(complete);
    this.complete.push(complete);
    this.#reportComplete(arrived, startedAt);
  }

  #reportComplete({ name: disk, sizeBytes, sha256 }: ArrivedFile, startedAt: number): void {
    const { vm, report } = this.#options;
    report({ type: 'disk-complete', vm, disk, sizeBytes, sha256, seconds: (Date.now() - startedAt) / 1000 });
  }

  #reportRetry({ file, failures }: Job, waitMs: number, error: unknown): void {
    const { vm, retries, report } = this.#options;
    const reason = sentenceOf(error);
    report({ type: 'disk-retry', vm, disk: file.name, attempt: failures, attempts: retries + 1, waitMs, reason });
  }
}

/** False when the content that arrived, or this program, can be at fault. */
function canContinueAfter(error: unknown): boolean {
  if (error instanceof InterruptedError) return true;
  return error instanceof Hyper2kvmError && error.kind !== 'image' && error.kind !== 'internal';
}

/** The final error of a file. It is not retryable; otherwise the source would be reopened for it. */
function givenUp({ file, failures }: Job, error: unknown): Hyper2kvmError {
  const kind = error instanceof Hyper2kvmError ? error.kind : 'transfer';
  const times = failures === 1 ? 'the only attempt' : `all ${failures} attempts`;
  return new Hyper2kvmError(kind, `${file.name} could not be downloaded in ${times}: ${sentenceOf(error)}`, {
    cause: error,
    hint: 'To resume, rerun the same command; --retries allows more attempts.',
  });
}
