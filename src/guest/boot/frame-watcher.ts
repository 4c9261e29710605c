import type { FileHandle } from 'node:fs/promises';
import { PcapReader } from './pcap.ts';

const PIECE_BYTES = 64 * 1024;

/** Reads the growing capture of one NIC, until a frame of the guest's own is in it. */
export class FrameWatcher {
  readonly #file: FileHandle;
  readonly #mac: string;
  readonly #reader = new PcapReader();
  #offset = 0;

  /** The caller closes `file`. `mac` is in lower case, with colons. */
  constructor(file: FileHandle, mac: string) {
    this.#file = file;
    this.#mac = mac;
  }

  /** Reads what has been added since the last call; true when the guest has sent a frame. */
  async look(): Promise<boolean> {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await this.#file.read(piece, 0, PIECE_BYTES, this.#offset);
      if (bytesRead === 0) return false;
      this.#offset += bytesRead;
      if (this.#reader.sourcesIn(piece.subarray(0, bytesRead)).includes(this.#mac)) return true;
    }
  }
}
