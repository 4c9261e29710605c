import type { FileHandle } from 'node:fs/promises';
import { writeFully } from '../../base/files/direct-io.ts';
import { localFileError } from '../../base/files/local-file-error.ts';
import { BufferedFile } from '../../base/output/buffered-file.ts';
import type { MemberRecord, MemberWriter } from './package-writer.ts';
import { encodeHeaders, headersBytes, padded } from '../tar/tar-header.ts';

/** The tar that a member is written to, as far as the member needs it. */
export interface TarPlace {
  handle: FileHandle;
  /** For errors. */
  path: string;
  /** Where the member's headers go: the end of the tar so far. */
  offsetBytes: number;
  mtime: Date;
}

/**
 * The member at the end of a tar. Its headers' place is left empty (zeros, which readers take for the tar's end) until the size is
 * known, and `commit` writes them there.
 */
export class TarMember implements MemberWriter {
  /** The file is the server's, byte for byte: its own checksums stay in it. */
  readonly restsOnHash = false;
  readonly #name: string;
  readonly #place: TarPlace;
  readonly #dataOffset: number;
  readonly #file: BufferedFile;
  readonly #onEnd: (record: MemberRecord | undefined) => Promise<void>;
  #ended = false;

  /** `onEnd` gets the record of a whole member, or undefined when it was discarded. */
  constructor(name: string, place: TarPlace, onEnd: (record: MemberRecord | undefined) => Promise<void>) {
    this.#name = name;
    this.#place = place;
    this.#dataOffset = place.offsetBytes + headersBytes(name);
    this.#file = new BufferedFile(place.handle, place.path, this.#dataOffset);
    this.#onEnd = onEnd;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#file.write(chunk);
  }

  async commit(sha256: string): Promise<MemberRecord> {
    const { handle, path, offsetBytes, mtime } = this.#place;
    const sizeBytes = this.#file.offsetBytes - this.#dataOffset;
    await this.#file.write(new Uint8Array(padded(sizeBytes) - sizeBytes));
    await this.#file.end();
    try {
      await writeFully(handle, encodeHeaders({ name: this.#name, sizeBytes, mtime }), offsetBytes);
      await handle.sync();
    } catch (error) {
      throw localFileError('write', path, error);
    }
    this.#ended = true;
    const record = { name: this.#name, sizeBytes, sha256, offsetBytes };
    await this.#onEnd(record);
    return record;
  }

  /** Does nothing after a commit. */
  async discard(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#file.settle();
    await this.#onEnd(undefined);
  }
}
