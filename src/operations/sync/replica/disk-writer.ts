import { ReplicaImage, type ReplicaShape } from '../../../image/replica/replica-image.ts';
import type { AreaList } from './area-list.ts';
import { BLOCK_BYTES, blockCount, blockLength, differences, digestOf, ZERO_DIGEST, type Extent } from './blocks.ts';
import { DigestFile } from './digest-file.ts';
import { RedoWriter } from './redo-log.ts';
import { removeRound, type DiskFiles } from './replica-files.ts';

export interface DiskWriterOptions {
  files: DiskFiles;
  shape: ReplicaShape;
  mode?: number | undefined;
  /** `image`: a new image, which replaces the old one. `redo`: the changes of the existing image, in a log. */
  how: 'redo' | 'image';
  /** The UUID of the round. */
  round: string;
  /**
   * `all`: every byte that is not passed to the writer is zero. `areas`: it is unchanged. A new image needs `all`.
   */
  content: 'all' | 'areas';
  /** Compare with the content of the replica, and not only with its digests. */
  compareContent: boolean;
  /** The areas that the server reports as changed; differences elsewhere are counted. */
  reported?: AreaList | undefined;
}

export interface WriterCounts {
  /** Bytes that differ from the replica, in pieces of 4 KiB. */
  changedBytes: number;
  /** Bytes that differ although the server did not report them as changed. */
  unreportedBytes: number;
  /** The image had other content than its digests say, in a block of which only a part was read. */
  isDamaged: boolean;
}

const PIECE_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** Turns the content of a disk at one point in time into a redo log, or into a new image. Changes no existing image. */
export class DiskWriter implements AsyncDisposable {
  readonly #options: DiskWriterOptions;
  readonly #image: ReplicaImage;
  readonly #digests: DigestFile;
  readonly #redo: RedoWriter | undefined;
  readonly #content = Buffer.alloc(BLOCK_BYTES);
  readonly #old = Buffer.alloc(BLOCK_BYTES);
  readonly counts: WriterCounts = { changedBytes: 0, unreportedBytes: 0, isDamaged: false };
  /** The block whose pieces arrive; all before it are done. */
  #block = -1;
  #isOpen = false;

  private constructor(
    options: DiskWriterOptions,
    { image, digests, redo }: { image: ReplicaImage; digests: DigestFile; redo: RedoWriter | undefined },
  ) {
    this.#options = options;
    this.#image = image;
    this.#digests = digests;
    this.#redo = redo;
  }

  /** Starts the disk. Discards what an earlier attempt wrote. */
  static async start(options: DiskWriterOptions): Promise<DiskWriter> {
    const { files, shape, how, round, mode } = options;
    await removeRound(files);
    await using opened = new AsyncDisposableStack();
    const image = opened.use(
      how === 'image'
        ? await ReplicaImage.create(files.newImage, shape, mode)
        : await ReplicaImage.open(files.image, shape),
    );
    const digests = opened.use(
      (how === 'redo' ? await DigestFile.open(files.digests, shape.capacityBytes) : undefined) ??
        (await DigestFile.create(how === 'redo' ? files.digests : files.newDigests, shape.capacityBytes)),
    );
    const redo = how === 'redo' ? opened.use(await RedoWriter.create(files.redo, round)) : undefined;
    opened.move();
    return new DiskWriter(options, { image, digests, redo });
  }

  /** Takes the next piece. Pieces come in the order of the disk. */
  async take(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const block = Math.floor((offsetBytes + done) / BLOCK_BYTES);
      const at = offsetBytes + done - block * BLOCK_BYTES;
      const length = Math.min(BLOCK_BYTES - at, bytes.length - done);
      if (block !== this.#block) await this.#startBlock(block);
      Buffer.from(bytes.buffer, bytes.byteOffset + done, length).copy(this.#content, at);
      done += length;
    }
  }

  /** All pieces have been taken. Flushes everything. */
  async finish(): Promise<void> {
    await this.#endBlock();
    await this.#skipTo(blockCount(this.#options.shape.capacityBytes));
    await this.#redo?.finish();
    if (this.#options.how === 'redo') return;
    await this.#image.flush();
    await this.#digests.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#image[Symbol.asyncDispose]();
    await this.#digests[Symbol.asyncDispose]();
    await this.#redo?.[Symbol.asyncDispose]();
  }

  async #startBlock(block: number): Promise<void> {
    if (block < this.#block) throw new RangeError(`block ${block} after block ${this.#block}`);
    await this.#endBlock();
    await this.#skipTo(block);
    this.#block = block;
    this.#isOpen = true;
    if (this.#options.content === 'all') this.#content.fill(0);
    else this.#old.copy(this.#content, 0, 0, await this.#readOld(block));
  }

  async #endBlock(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#put(this.#block, this.#content);
  }

  /** The blocks between the current one and `block`, of which no piece arrived. */
  async #skipTo(block: number): Promise<void> {
    const { content, how, compareContent } = this.#options;
    if (content === 'areas' || how === 'image') return;
    const first = this.#block + 1;
    if (compareContent) for (let each = first; each < block; each += 1) await this.#put(each, ZEROS);
    else for await (const each of this.#digests.filled(first, block)) await this.#put(each, ZEROS);
  }

  async #put(block: number, bytes: Buffer): Promise<void> {
    const { how, content, compareContent, shape } = this.#options;
    const next = bytes.subarray(0, blockLength(shape.capacityBytes, block));
    const digest = digestOf(next);
    if (how === 'image') return await this.#putNew(block, next, digest);
    const known = await this.#digests.digest(block);
    if (content === 'areas') {
      // What was not read is kept, so the new digest must not cover up damage.
      const old = this.#old.subarray(0, next.length);
      if (!digestOf(old).equals(known)) this.counts.isDamaged = true;
    } else {
      if (!compareContent && digest.equals(known)) return;
      await this.#readOld(block);
    }
    const extents = differences(this.#old.subarray(0, next.length), next);
    if (extents.length === 0 && digest.equals(known)) return;
    this.#count(block, extents);
    await this.#redo?.add({ block, digest, extents, content: next });
  }

  async #putNew(block: number, content: Buffer, digest: Buffer): Promise<void> {
    if (digest.equals(ZERO_DIGEST)) return;
    const extents = differences(ZEROS.subarray(0, content.length), content);
    for (const { at, lengthBytes } of extents) {
      await this.#image.write(content.subarray(at, at + lengthBytes), block * BLOCK_BYTES + at);
    }
    await this.#digests.setDigest(block, digest);
    this.#count(block, extents);
  }

  async #readOld(block: number): Promise<number> {
    const length = blockLength(this.#options.shape.capacityBytes, block);
    await this.#image.read(block * BLOCK_BYTES, this.#old.subarray(0, length));
    return length;
  }

  #count(block: number, extents: readonly Extent[]): void {
    const { reported } = this.#options;
    for (const { at, lengthBytes } of extents) {
      this.counts.changedBytes += lengthBytes;
      if (reported === undefined) continue;
      for (let piece = 0; piece < lengthBytes; piece += PIECE_BYTES) {
        const from = block * BLOCK_BYTES + at + piece;
        const to = from + Math.min(PIECE_BYTES, lengthBytes - piece);
        if (!reported.touches(from, to)) this.counts.unreportedBytes += to - from;
      }
    }
  }
}
