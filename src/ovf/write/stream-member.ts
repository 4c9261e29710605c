import type { OutputFile } from '../../base/output/output.ts';
import type { MemberRecord, MemberWriter } from './package-writer.ts';

/** A member that is a byte-for-byte copy of the server's file, in a folder or a tar. */
export class StreamMember implements MemberWriter {
  /** The member contains the server's own checksums. */
  readonly restsOnHash = false;
  readonly #file: OutputFile;
  readonly #onEnd: (record: MemberRecord | undefined) => void;
  #isEnded = false;

  constructor(file: OutputFile, onEnd: (record: MemberRecord | undefined) => void) {
    this.#file = file;
    this.#onEnd = onEnd;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#file.append(chunk);
  }

  async commit(sha256: string): Promise<MemberRecord> {
    const { sizeBytes, offsetBytes } = await this.#file.complete();
    this.#isEnded = true;
    const record = { name: this.#file.name, sizeBytes, sha256, ...(offsetBytes !== undefined && { offsetBytes }) };
    this.#onEnd(record);
    return record;
  }

  /** Does nothing after a commit. */
  async discard(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd(undefined);
    await this.#file.discard();
  }
}
