import type { DiskRange } from '../../image/model/readable-disk.ts';
import type { DiskSource, OpenedFile, SourceFile, SourceFiles } from '../export/source/disk-source.ts';

/**
 * A source of which only some areas of some disks are read. `areasOf` returns them for a disk, by its number in hardware
 * order; undefined reads all of it. `onOpen` is called with the same number, and whether only areas are read: a stream
 * always has everything.
 */
export class AreaSource implements DiskSource {
  readonly #source: DiskSource;
  readonly #areasOf: (disk: number) => readonly DiskRange[] | undefined;
  readonly #onOpen: (disk: number, isPart: boolean) => void;

  constructor(
    source: DiskSource,
    areasOf: (disk: number) => readonly DiskRange[] | undefined,
    onOpen: (disk: number, isPart: boolean) => void,
  ) {
    this.#source = source;
    this.#areasOf = areasOf;
    this.#onOpen = onOpen;
  }

  use<Result>(
    percent: () => number,
    signal: AbortSignal,
    work: (files: SourceFiles, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return this.#source.use(percent, signal, (files, inner) => {
      const open = (...args: Parameters<SourceFiles['open']>): Promise<OpenedFile> => this.#open(files, ...args);
      return work(new AreaFiles(files, open), inner);
    });
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }

  async #open(files: SourceFiles, ...args: Parameters<SourceFiles['open']>): Promise<OpenedFile> {
    const [key] = args;
    const opened = await files.open(...args);
    const number = files.files.filter(({ kind }) => kind === 'disk').findIndex((file) => file.key === key);
    const areas = this.#areasOf(number);
    const isPart = areas !== undefined && opened.access === 'random-access';
    this.#onOpen(number, isPart);
    if (areas === undefined || opened.access === 'stream') return opened;
    const { disk } = opened;
    return {
      access: 'random-access',
      disk: {
        capacityBytes: disk.capacityBytes,
        // oxlint-disable-next-line typescript/require-await
        allocated: async function* () {
          yield* areas;
        },
        read: (offsetBytes, target, signal) => disk.read(offsetBytes, target, signal),
      },
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  }
}

/** The files of a source with another `open`. */
class AreaFiles implements SourceFiles {
  readonly #files: SourceFiles;
  readonly open: SourceFiles['open'];

  constructor(files: SourceFiles, open: SourceFiles['open']) {
    this.#files = files;
    this.open = open;
  }

  get server(): string {
    return this.#files.server;
  }

  get proof(): SourceFiles['proof'] {
    return this.#files.proof;
  }

  get access(): SourceFiles['access'] {
    return this.#files.access;
  }

  get files(): readonly SourceFile[] {
    return this.#files.files;
  }

  isAlive(signal: AbortSignal): Promise<boolean> {
    return this.#files.isAlive(signal);
  }

  manifestSoFar(signal: AbortSignal): ReturnType<SourceFiles['manifest']> {
    return this.#files.manifestSoFar(signal);
  }

  manifest(signal: AbortSignal): ReturnType<SourceFiles['manifest']> {
    return this.#files.manifest(signal);
  }
}
