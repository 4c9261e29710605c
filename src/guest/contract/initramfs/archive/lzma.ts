import { InitramfsError } from './cpio.ts';

/**
 * LZMA as specified by its author ("LZMA specification", `lzma-specification.7z` of the LZMA SDK): a range coder over
 * adaptive bits, with literals and matches. A match has one of four recent distances or a new one.
 */

const BIT_MODEL_BITS = 11;
const INITIAL = 1 << (BIT_MODEL_BITS - 1);
const MOVE_BITS = 5;
const TOP = 1 << 24;
const STATES = 12;
const POSITION_STATES = 16;

/** The offset of each group of probabilities in one table. */
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POSITION_STATES;
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
const DISTANCE_SLOT = IS_REP0_LONG + STATES * POSITION_STATES;
const DISTANCE_SPECIAL = DISTANCE_SLOT + 4 * 64;
const DISTANCE_ALIGN = DISTANCE_SPECIAL + 128;
const MATCH_LENGTH = DISTANCE_ALIGN + 16;
const LENGTH_SIZE = 2 + 2 * POSITION_STATES * 8 + 256;
const REP_LENGTH = MATCH_LENGTH + LENGTH_SIZE;
const LITERAL = REP_LENGTH + LENGTH_SIZE;
const END_MARKER = 0xffffffff;

/** lc, lp and pb of a property byte. */
interface Properties {
  lc: number;
  lp: number;
  pb: number;
}

/** Decodes into a window, which is the dictionary. `take` returns the bytes written last. */
export class LzmaDecoder {
  /** The next byte to read. */
  position = 0;
  private readonly input: Buffer;
  private readonly window: Buffer;
  /** Bytes written and taken since the start. */
  private written = 0;
  private taken = 0;
  private properties: Properties = { lc: 3, lp: 0, pb: 2 };
  private probabilities = new Uint16Array(0);
  private state = 0;
  private distances = [0, 0, 0, 0];
  private range = 0;
  private code = 0;
  private end = 0;
  /** The position of the last dictionary reset. */
  private start = 0;

  /** Nothing after `input.length` is read. */
  constructor(input: Buffer, windowBytes: number) {
    this.input = input;
    this.window = Buffer.alloc(windowBytes);
  }

  resetDictionary(): void {
    this.start = this.written;
  }

  setProperties(byte: number): void {
    if (byte >= 9 * 5 * 5) damaged();
    this.properties = { lc: byte % 9, lp: Math.trunc(byte / 9) % 5, pb: Math.trunc(byte / 45) };
  }

  resetState(): void {
    const { lc, lp } = this.properties;
    this.probabilities = new Uint16Array(LITERAL + (0x300 << (lc + lp))).fill(INITIAL);
    this.state = 0;
    this.distances = [0, 0, 0, 0];
  }

  /** Starts a run of the range coder at `position`; nothing is read from `end` on. */
  startRange(end: number): void {
    if (this.position + 5 > end || this.input[this.position] !== 0) damaged();
    this.end = end;
    this.range = 0xffffffff;
    this.code = this.input.readUInt32BE(this.position + 1);
    this.position += 5;
  }

  /** Copies uncompressed bytes. */
  copy(lengthBytes: number): void {
    if (this.position + lengthBytes > this.input.length) damaged();
    for (let index = 0; index < lengthBytes; index += 1) this.put(this.input[this.position + index] ?? 0);
    this.position += lengthBytes;
  }

  /** The bytes written since the last call. Must be called before more than a window is written. */
  take(): Buffer {
    const size = this.window.length;
    const from = this.taken % size;
    const to = this.written % size;
    const hasWrapped = this.written > this.taken && to <= from;
    this.taken = this.written;
    if (!hasWrapped) return Buffer.from(this.window.subarray(from, to));
    return Buffer.concat([this.window.subarray(from), this.window.subarray(0, to)]);
  }

  /**
   * Decodes until `lengthBytes` are written or an end marker is found; returns true at an end marker. With
   * `mayExceed` the last match may exceed the length by up to 272 bytes; otherwise that is an error.
   */
  decode(lengthBytes: number, mayExceed = false): boolean {
    const until = this.written + lengthBytes;
    const positionMask = (1 << this.properties.pb) - 1;
    while (this.written < until) {
      const positionState = this.written & positionMask;
      if (this.bit(IS_MATCH + this.state * POSITION_STATES + positionState) === 0) this.literal();
      else {
        const length = this.match(positionState);
        if (length === 0) {
          this.normalize();
          return true;
        }
        if (!mayExceed && this.written + length > until) damaged();
        this.repeat(length);
      }
    }
    this.normalize();
    return false;
  }

  private literal(): void {
    const { lc, lp } = this.properties;
    const previous = this.written > this.start ? this.at(0) : 0;
    const context = ((this.written & ((1 << lp) - 1)) << lc) + (previous >> (8 - lc));
    const base = LITERAL + 0x300 * context;
    let symbol = 1;
    if (this.state >= 7) {
      let matched = this.at(this.distances[0] ?? 0);
      while (symbol < 0x100) {
        const matchBit = (matched >> 7) & 1;
        matched <<= 1;
        const bit = this.bit(base + ((1 + matchBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (matchBit !== bit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.bit(base + symbol);
    this.put(symbol & 0xff);
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6;
  }

  /** Decodes a match: returns its length and makes its distance the most recent one; 0 for an end marker. */
  private match(positionState: number): number {
    const { state } = this;
    if (this.bit(IS_REP + state) === 0) {
      const length = this.length(MATCH_LENGTH, positionState);
      const distance = this.distance(length);
      this.state = state < 7 ? 7 : 10;
      if (distance === END_MARKER) return 0;
      this.distances = [distance, ...this.distances.slice(0, 3)];
      return length;
    }
    if (this.bit(IS_REP_G0 + state) === 0) {
      if (this.bit(IS_REP0_LONG + state * POSITION_STATES + positionState) === 0) {
        this.state = state < 7 ? 9 : 11;
        return 1;
      }
    } else {
      const index = this.bit(IS_REP_G1 + state) === 0 ? 1 : 2 + this.bit(IS_REP_G2 + state);
      const [distance = 0] = this.distances.splice(index, 1);
      this.distances.unshift(distance);
    }
    this.state = state < 7 ? 8 : 11;
    return this.length(REP_LENGTH, positionState);
  }

  private length(base: number, positionState: number): number {
    if (this.bit(base) === 0) return 2 + this.tree(base + 2 + positionState * 8, 3);
    if (this.bit(base + 1) === 0) return 10 + this.tree(base + 2 + (POSITION_STATES + positionState) * 8, 3);
    return 18 + this.tree(base + 2 + 2 * POSITION_STATES * 8, 8);
  }

  private distance(length: number): number {
    const slot = this.tree(DISTANCE_SLOT + Math.min(length - 2, 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const high = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return high + this.reverseTree(DISTANCE_SPECIAL + high - slot, bits);
    let direct = 0;
    for (let index = 0; index < bits - 4; index += 1) direct = direct * 2 + this.directBit();
    return high + direct * 16 + this.reverseTree(DISTANCE_ALIGN, 4);
  }

  private repeat(length: number): void {
    const distance = this.distances[0] ?? 0;
    if (distance >= this.written - this.start || distance >= this.window.length) damaged();
    for (let index = 0; index < length; index += 1) this.put(this.at(distance));
  }

  /** The byte that was written `distance + 1` bytes ago. */
  private at(distance: number): number {
    return this.window[(this.written - distance - 1) % this.window.length] ?? 0;
  }

  private put(byte: number): void {
    this.window[this.written % this.window.length] = byte;
    this.written += 1;
  }

  private tree(base: number, bits: number): number {
    let symbol = 1;
    for (let index = 0; index < bits; index += 1) symbol = (symbol << 1) | this.bit(base + symbol);
    return symbol - (1 << bits);
  }

  private reverseTree(base: number, bits: number): number {
    let symbol = 1;
    let result = 0;
    for (let index = 0; index < bits; index += 1) {
      const bit = this.bit(base + symbol);
      symbol = (symbol << 1) | bit;
      result |= bit << index;
    }
    return result;
  }

  private bit(index: number): number {
    this.normalize();
    const probability = this.probabilities[index] ?? damaged();
    const bound = (this.range >>> BIT_MODEL_BITS) * probability;
    if (this.code < bound) {
      this.range = bound;
      this.probabilities[index] = probability + (((1 << BIT_MODEL_BITS) - probability) >> MOVE_BITS);
      return 0;
    }
    this.range -= bound;
    this.code -= bound;
    this.probabilities[index] = probability - (probability >> MOVE_BITS);
    return 1;
  }

  private directBit(): number {
    this.normalize();
    this.range >>>= 1;
    if (this.code < this.range) return 0;
    this.code -= this.range;
    return 1;
  }

  private normalize(): void {
    if (this.range >= TOP) return;
    if (this.position >= this.end) damaged();
    this.range = (this.range << 8) >>> 0;
    this.code = ((this.code << 8) | (this.input[this.position] ?? 0)) >>> 0;
    this.position += 1;
  }
}

function damaged(): never {
  throw new InitramfsError('the compressed data is damaged');
}
