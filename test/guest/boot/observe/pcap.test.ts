import { expect, test } from '@jest/globals';
import { PcapReader } from '../../../../src/guest/boot/observe/pcap.ts';

const FRAMES = [
  Buffer.from('ffffffffffff5254000a0b0c0806' + '00'.repeat(46), 'hex'),
  Buffer.from('333300000016525400aabbcc86dd' + '11'.repeat(76), 'hex'),
  // Truncated by the writer, like a frame of a NIC that was reset.
  Buffer.from('ffffffff', 'hex'),
  Buffer.from('5254000a0b0c52550a0000020800' + '22'.repeat(300), 'hex'),
];
const SOURCES = ['52:54:00:0a:0b:0c', '52:54:00:aa:bb:cc', '52:55:0a:00:00:02'];

/** Builds a capture as the libpcap file format specifies it, in either byte order. */
function capture({ isLittle = true, magic = 0xa1b2c3d4 } = {}): Buffer {
  const numbers = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) {
      if (isLittle) bytes.writeUInt32LE(value, index * 4);
      else bytes.writeUInt32BE(value, index * 4);
    }
    return bytes;
  };
  const version = isLittle ? 0x00040002 : 0x00020004;
  const frames = FRAMES.flatMap((frame, index) => [numbers(index, 5, frame.length, frame.length), frame]);
  return Buffer.concat([numbers(magic, version, 0, 0, 65_536, 1), ...frames]);
}

const sourcesIn = (reader: PcapReader, piece: Buffer): string[] => reader.framesIn(piece).map(({ source }) => source);

test('tells the sources of all frames, in either order of bytes, with micro- and nanoseconds', () => {
  expect(sourcesIn(new PcapReader(), capture())).toEqual(SOURCES);
  expect(sourcesIn(new PcapReader(), capture({ isLittle: false }))).toEqual(SOURCES);
  expect(sourcesIn(new PcapReader(), capture({ magic: 0xa1b23c4d }))).toEqual(SOURCES);
});

test('a capture that grows by any piece gives the same', () => {
  const bytes = capture();
  for (const size of [1, 3, 16, 61, 97]) {
    const reader = new PcapReader();
    const sources: string[] = [];
    for (let at = 0; at < bytes.length; at += size) sources.push(...sourcesIn(reader, bytes.subarray(at, at + size)));
    expect(sources).toEqual(SOURCES);
  }
});

test('what is no capture, and a frame longer than any, are refused', () => {
  expect(() => sourcesIn(new PcapReader(), Buffer.alloc(64, 'x'))).toThrow(RangeError);
  const long = capture();
  long.writeUInt32LE(0xffff_ffff, 24 + 8);
  expect(() => sourcesIn(new PcapReader(), long)).toThrow('longer than the maximum');
});
