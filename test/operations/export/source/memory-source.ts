import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Hyper2kvmError } from '../../../../src/base/errors.ts';
import type { DiskRange, ReadableDisk } from '../../../../src/image/model/readable-disk.ts';
import type {
  ContentProof,
  DiskSource,
  DiskSourceFactory,
  OpenedFile,
  ReadLimits,
  SourceFiles,
  SourceRequest,
} from '../../../../src/operations/export/source/disk-source.ts';
import type { ManifestEntry } from '../../../../src/operations/export/source/manifest.ts';
import { emptyContent, type ContentSource } from '../../../server/content-source.ts';
import { streamOptimized } from '../../../server/stream-optimized-writer.ts';

/** Chunk size of the map of allocated ranges. */
const CHUNK_BYTES = 64 * 1024;

/** The open resources of a test's memory sources. */
export interface MemoryState {
  /** Open uses of the source. */
  uses: number;
  disks: number;
  /** Reads so far. */
  reads: number;
  /** How many of the next reads fail. */
  failures: number;
  /** How many of the next reads hang until they are aborted. */
  silences: number;
}

/**
 * A source whose disks are in memory, with one content per disk of the VM. Disks are read at random offsets, or as streams with a known digest.
 */
export function memorySource(
  contents: readonly ContentSource[],
  access: OpenedFile['access'],
): { factory: DiskSourceFactory; state: MemoryState } {
  const state: MemoryState = { uses: 0, disks: 0, reads: 0, failures: 0, silences: 0 };
  return { factory: (request) => new MemorySource(request, contents, access, state), state };
}

class MemorySource implements DiskSource {
  readonly #request: SourceRequest;
  readonly #contents: readonly ContentSource[];
  readonly #access: OpenedFile['access'];
  readonly #state: MemoryState;

  constructor(
    request: SourceRequest,
    contents: readonly ContentSource[],
    access: OpenedFile['access'],
    state: MemoryState,
  ) {
    this.#request = request;
    this.#contents = contents;
    this.#access = access;
    this.#state = state;
  }

  async use<Result>(
    _percent: () => number,
    signal: AbortSignal,
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    signal.throwIfAborted();
    this.#state.uses += 1;
    try {
      const files = new MemoryFiles(this.#request, this.#contents, this.#access, this.#state);
      await this.#request.verify(files, signal);
      return await work(files, signal);
    } finally {
      this.#state.uses -= 1;
    }
  }

  [Symbol.dispose](): void {}
}

class MemoryFiles implements SourceFiles {
  readonly server = 'memory';
  readonly files: SourceFiles['files'];
  readonly proof: ContentProof;
  readonly #contents: ReadonlyMap<string, ContentSource>;
  readonly access: OpenedFile['access'];
  readonly #state: MemoryState;

  constructor(
    { ref, disks }: SourceRequest,
    contents: readonly ContentSource[],
    access: OpenedFile['access'],
    state: MemoryState,
  ) {
    this.files = disks.map(({ address, capacityBytes }) => ({
      key: `/${ref.value}/${address}`,
      kind: 'disk',
      capacityBytes,
    }));
    this.#contents = new Map(this.files.map(({ key }, index) => [key, contents[index] ?? emptyContent(0)]));
    this.access = access;
    this.#state = state;
    this.proof = access === 'stream' ? 'digest' : 'nothing';
  }

  open(key: string, _limits: ReadLimits, signal: AbortSignal): Promise<OpenedFile> {
    const content = this.#contents.get(key);
    if (content === undefined) return Promise.reject(missing(key));
    if (this.access === 'stream') {
      return Promise.resolve({ access: 'stream', sizeBytes: 0, chunks: chunksOf(content, this.#state, signal) });
    }
    const state = this.#state;
    state.disks += 1;
    const close = (): Promise<void> => {
      state.disks -= 1;
      return Promise.resolve();
    };
    return Promise.resolve({
      access: 'random-access',
      disk: new MemoryDisk(content, state),
      [Symbol.asyncDispose]: close,
    });
  }

  isAlive(): Promise<boolean> {
    return Promise.resolve(true);
  }

  manifestSoFar(signal: AbortSignal): Promise<ManifestEntry[]> {
    return this.manifest(signal);
  }

  async manifest(signal: AbortSignal): Promise<ManifestEntry[]> {
    if (this.access !== 'stream') return [];
    const entries: ManifestEntry[] = [];
    for (const [key, content] of this.#contents) {
      const hash = createHash('sha256');
      for await (const chunk of streamOptimized(content)) {
        signal.throwIfAborted();
        hash.update(chunk);
      }
      entries.push({ key, sizeBytes: 0, digest: { algorithm: 'sha256', hex: hash.digest('hex') } });
    }
    return entries;
  }
}

async function* chunksOf(
  content: ContentSource,
  state: MemoryState,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  state.disks += 1;
  try {
    for await (const chunk of streamOptimized(content)) {
      signal.throwIfAborted();
      yield chunk;
    }
  } finally {
    state.disks -= 1;
  }
}

class MemoryDisk implements ReadableDisk {
  readonly #content: ContentSource;
  readonly #state: MemoryState;

  constructor(content: ContentSource, state: MemoryState) {
    this.#content = content;
    this.#state = state;
  }

  get capacityBytes(): number {
    return this.#content.capacityBytes;
  }

  async *allocated(signal: AbortSignal): AsyncGenerator<DiskRange, void, undefined> {
    for (let offsetBytes = 0; offsetBytes < this.capacityBytes; offsetBytes += CHUNK_BYTES) {
      signal.throwIfAborted();
      const lengthBytes = Math.min(CHUNK_BYTES, this.capacityBytes - offsetBytes);
      const bytes = await this.#content.read(offsetBytes, lengthBytes);
      if (bytes?.some((byte) => byte !== 0)) yield { offsetBytes, lengthBytes };
    }
  }

  async read(offsetBytes: number, target: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#state.reads += 1;
    // Later reads may finish before earlier ones.
    await pause(this.#state.reads % 3, undefined, { signal }).catch(() => signal.throwIfAborted());
    if (this.#state.failures > 0) {
      this.#state.failures -= 1;
      throw new Hyper2kvmError('transfer', 'The memory was busy.', { retryable: true });
    }
    if (this.#state.silences > 0) {
      this.#state.silences -= 1;
      await pause(600_000, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    const bytes = await this.#content.read(offsetBytes, target.length);
    if (bytes === undefined) target.fill(0);
    else target.set(bytes);
  }
}

function missing(key: string): Hyper2kvmError {
  return new Hyper2kvmError('transfer', `There is no disk ${key} in memory.`);
}
