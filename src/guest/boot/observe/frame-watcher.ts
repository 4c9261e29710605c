import type { FileHandle } from 'node:fs/promises';
import { addFrame, isAddressed, noTraffic, type NicTraffic } from './nic-traffic.ts';
import { PcapReader } from './pcap.ts';

const PIECE_BYTES = 64 * 1024;
/** A boot sends a few hundred frames. A capture does not grow beyond this limit. */
const MOST_CAPTURE_BYTES = 4 * 2 ** 20;

/** Reads the growing capture of one NIC to learn whether the guest has sent frames on it, and what they show. */
export class FrameWatcher {
  readonly traffic: NicTraffic = noTraffic();
  readonly #file: FileHandle;
  readonly #mac: string;
  readonly #expected: readonly string[];
  readonly #reader = new PcapReader();
  #offset = 0;
  #isHeard = false;

  /** The caller closes `file`. `mac` is in lower case, with colons. `expected` are addresses to wait for. */
  constructor(file: FileHandle, mac: string, expected: readonly string[] = []) {
    this.#file = file;
    this.#mac = mac;
    this.#expected = expected;
  }

  /** The guest has sent a frame. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** Nothing more can be learned, or the capture has reached its limit. */
  get isFinished(): boolean {
    return this.#isHeard && (isAddressed(this.traffic, this.#expected) || this.#offset >= MOST_CAPTURE_BYTES);
  }

  /** Reads the frames added since the last call. */
  async look(): Promise<void> {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await this.#file.read(piece, 0, PIECE_BYTES, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      for (const { source, frame } of this.#reader.framesIn(piece.subarray(0, bytesRead))) {
        if (source !== this.#mac) continue;
        this.#isHeard = true;
        addFrame(this.traffic, frame);
      }
    }
  }
}
