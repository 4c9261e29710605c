import { BufferedFile } from '../../base/output/buffered-file.ts';
import type { CompleteFile, OutputFile } from '../../base/output/output.ts';
import { encodeHeaders, headersBytes, padded } from '../tar/tar-header.ts';
import type { TarFile } from './tar-file.ts';

/** Where the headers of a member go, and what is in them. */
interface MemberPlace {
  offsetBytes: number;
  mtime: Date;
}

/** What became of a member; `endBytes` is where it ends in the tar. */
type MemberEnd = { kind: 'complete'; endBytes: number } | { kind: 'gone'; wasComplete: boolean; endBytes: number };

/**
 * The member at the end of a tar. The place of its headers is left empty (zeros, which readers take for the end of the tar) until the size is
 * known; `complete` writes them there.
 */
export class TarMember implements OutputFile {
  readonly name: string;
  readonly #tar: TarFile;
  readonly #place: MemberPlace;
  readonly #dataOffset: number;
  readonly #onEnd: (end: MemberEnd) => Promise<void>;
  #appended: BufferedFile | undefined;
  #sizeBytes = 0;
  #state: 'open' | 'complete' | 'gone' = 'open';

  constructor(name: string, tar: TarFile, place: MemberPlace, onEnd: (end: MemberEnd) => Promise<void>) {
    this.name = name;
    this.#tar = tar;
    this.#place = place;
    this.#dataOffset = place.offsetBytes + headersBytes(name);
    this.#onEnd = onEnd;
  }

  get path(): string {
    return this.#tar.path;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#appended ??= new BufferedFile(this.#tar.handle, this.path, this.#dataOffset);
    await this.#appended.write(chunk);
    this.#sizeBytes = this.#appended.offsetBytes - this.#dataOffset;
  }

  async write(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    this.#sizeBytes = Math.max(this.#sizeBytes, offsetBytes + bytes.length);
    await this.#tar.write(bytes, this.#dataOffset + offsetBytes);
  }

  async setSize(sizeBytes: number): Promise<void> {
    await this.#tar.cut(this.#dataOffset + sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  async complete(): Promise<CompleteFile> {
    await this.writeOut();
    this.#state = 'complete';
    await this.#onEnd({ kind: 'complete', endBytes: this.#endBytes });
    const { offsetBytes, mtime } = this.#place;
    return { sizeBytes: this.#sizeBytes, modifiedMs: mtime.getTime(), offsetBytes };
  }

  /** Brings all of it to the disk, its headers last. */
  async writeOut(): Promise<void> {
    const { offsetBytes, mtime } = this.#place;
    const sizeBytes = this.#sizeBytes;
    const padding = new Uint8Array(padded(sizeBytes) - sizeBytes);
    if (this.#appended === undefined) await this.#tar.write(padding, this.#dataOffset + sizeBytes);
    else {
      await this.#appended.write(padding);
      await this.#appended.end();
    }
    await this.#tar.write(encodeHeaders({ name: this.name, sizeBytes, mtime }), offsetBytes);
    await this.#tar.flush();
  }

  async discard(): Promise<void> {
    const state = this.#state;
    if (state === 'gone') return;
    this.#state = 'gone';
    if (state === 'open') await this.#appended?.settle();
    await this.#onEnd({ kind: 'gone', wasComplete: state === 'complete', endBytes: this.#endBytes });
  }

  get #endBytes(): number {
    return this.#dataOffset + padded(this.#sizeBytes);
  }
}
