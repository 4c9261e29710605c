/**
 * The capture files of QEMU's `filter-dump`: a file header of 24 bytes, then for each frame a header of 16 bytes and
 * the captured bytes (draft-ietf-opsawg-pcap, version 2.4).
 */

/** 0xa1b2c3d4 with microseconds, 0xa1b23c4d with nanoseconds, in the byte order of the host that wrote it. */
const MAGICS = new Set([0xa1b2c3d4, 0xa1b23c4d]);
const FILE_HEADER_BYTES = 24;
const FRAME_HEADER_BYTES = 16;
/** Ethernet header: destination, source. */
const SOURCE_AT = 6;
const MAC_BYTES = 6;
/** QEMU's default for `maxlen`; a longer frame means that the file is not a capture. */
const MOST_FRAME_BYTES = 65_536;

/** An Ethernet frame, possibly truncated by the writer. */
export interface CapturedFrame {
  /** The sender's MAC address: lower case, with colons. */
  source: string;
  /** Valid until the next call. */
  frame: Buffer;
}

/**
 * Reads a capture that may still be growing, piece by piece, and returns each complete frame. Buffers at most one
 * frame.
 * @throws `RangeError` for a file that is not a capture.
 */
export class PcapReader {
  #rest: Buffer = Buffer.alloc(0);
  #littleEndian: boolean | undefined;

  /** The frames that `piece` completes, in order; frames too short for a source address are left out. */
  framesIn(piece: Buffer): CapturedFrame[] {
    this.#rest = Buffer.concat([this.#rest, piece]);
    const frames: CapturedFrame[] = [];
    let at = this.#skipFileHeader();
    while (this.#littleEndian !== undefined && this.#rest.length >= at + FRAME_HEADER_BYTES) {
      const capturedBytes = this.#number(at + 8);
      if (capturedBytes > MOST_FRAME_BYTES) throw new RangeError('a frame is longer than the maximum');
      const frameAt = at + FRAME_HEADER_BYTES;
      if (this.#rest.length < frameAt + capturedBytes) break;
      const frame = this.#rest.subarray(frameAt, frameAt + capturedBytes);
      const source = macText(frame.subarray(SOURCE_AT, SOURCE_AT + MAC_BYTES));
      if (capturedBytes >= SOURCE_AT + MAC_BYTES) frames.push({ source, frame });
      at = frameAt + capturedBytes;
    }
    this.#rest = this.#rest.subarray(at);
    return frames;
  }

  #skipFileHeader(): number {
    if (this.#littleEndian !== undefined || this.#rest.length < FILE_HEADER_BYTES) return 0;
    const isLittle = MAGICS.has(this.#rest.readUInt32LE(0));
    if (!isLittle && !MAGICS.has(this.#rest.readUInt32BE(0))) throw new RangeError('it is not a packet capture');
    this.#littleEndian = isLittle;
    return FILE_HEADER_BYTES;
  }

  #number(at: number): number {
    return this.#littleEndian === true ? this.#rest.readUInt32LE(at) : this.#rest.readUInt32BE(at);
  }
}

function macText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/..(?!$)/g, '$&:');
}
