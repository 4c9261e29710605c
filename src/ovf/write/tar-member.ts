import { BufferedFile } from '../../base/output/buffered-file.ts';
import type { CompleteFile, OutputFile } from '../../base/output/output.ts';
import { encodeHeaders, headersBytes, padded } from '../tar/tar-header.ts';
import type { TarFile } from './tar-file.ts';

/** The offset and content of a member's headers. */
interface MemberPlace {
  offsetBytes: number;
  mtime: Date;
}

/** The outcome of a member; `endBytes` is the offset of its end in the tar. */
type MemberEnd = { kind: 'complete'; endBytes: number } | { kind: 'gone'; wasComplete: boolean; endBytes: number };

/**
 * The last member of a tar. The space for its headers is left empty until the size is known; readers take these zeros
 * for the end of the tar. `complete` writes the headers.
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

  /** Writes everything to disk, the headers last. */
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
