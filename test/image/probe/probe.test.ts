import { expect, test } from '@jest/globals';
import { probeFormat } from '../../../src/image/probe/probe.ts';

const NOTHING = Buffer.alloc(512);

/** A sector that contains `text` at its start, or at offset `at`. */
function sector(text: string | Buffer, at = 0): Buffer {
  const bytes = Buffer.alloc(512);
  Buffer.from(text as string).copy(bytes, at);
  return bytes;
}

function footer(type: number): Buffer {
  const bytes = sector('conectix');
  bytes.writeUInt32BE(type, 60);
  return bytes;
}

test('formats are known by their content', () => {
  const heads = {
    qcow2: [sector(Buffer.from('514649fb', 'hex'))],
    vhdx: [sector('vhdxfile')],
    vpc: [sector('conectix')],
    vdi: [sector(Buffer.from('7f10dabe', 'hex'), 64)],
    vmdk: [
      sector('KDMV'),
      sector('COWD'),
      sector(Buffer.from('bebafeca00000000', 'hex')),
      sector('# Disk DescriptorFile\nversion=1\n'),
      sector('\u{feff}# disk descriptorfile\r\nversion=1\r\n'),
      sector('\n# made by hand\n\nversion = 1\nCID=123'),
    ],
    raw: [NOTHING, Buffer.alloc(0), sector('version'), sector('# a script\necho version=1\n'), sector('QFI')],
  };
  for (const [format, candidates] of Object.entries(heads)) {
    for (const head of candidates)
      expect([head.toString(), probeFormat(head, NOTHING)]).toEqual([head.toString(), format]);
  }
});

test('a fixed VHD is known by its footer alone', () => {
  for (const type of [2, 3, 4]) expect(probeFormat(NOTHING, footer(type))).toBe('vpc');
  expect(probeFormat(NOTHING, footer(0))).toBe('raw');
  expect(probeFormat(NOTHING, footer(2).subarray(0, 100))).toBe('raw');
});
