import { expect, test } from '@jest/globals';
import { jsonAreaBytes, unlockMethodsOf } from '../../../../src/guest/inspect/disks/luks-tokens.ts';

function binaryHeader(version: number, headerBytes: number): Buffer {
  const header = Buffer.alloc(4096);
  header.write('LUKS\xba\xbe', 0, 'latin1');
  header.writeUInt16BE(version, 6);
  header.writeBigUInt64BE(BigInt(headerBytes), 8);
  return header;
}

function areaWith(tokens: Record<string, unknown>): Buffer {
  return Buffer.concat([Buffer.from(JSON.stringify({ keyslots: {}, tokens })), Buffer.alloc(64)]);
}

function clevis(pin: unknown): unknown {
  return { type: 'clevis', keyslots: ['1'], jwe: { protected: encoded(pin) } };
}

function encoded(pin: unknown): string {
  return Buffer.from(JSON.stringify({ alg: 'dir', clevis: pin })).toString('base64url');
}

test('the JSON area follows the binary header of LUKS 2; LUKS 1 and impossible lengths have none', () => {
  expect(jsonAreaBytes(binaryHeader(2, 16_384))).toBe(12_288);
  expect(jsonAreaBytes(binaryHeader(1, 16_384))).toBe(0);
  expect(jsonAreaBytes(binaryHeader(2, 2 ** 40))).toBe(0);
  expect(jsonAreaBytes(Buffer.alloc(4096))).toBe(0);
  expect(jsonAreaBytes(Buffer.from('LUKS'))).toBe(0);
});

test('tokens tell how a volume is opened without a passphrase', () => {
  const tang = { pin: 'tang', tang: { url: 'http://tang.example', adv: {} } };
  const shares = [`${encoded(tang)}.a.b.c`, `${encoded({ pin: 'tpm2', tpm2: {} })}.a.b.c`];
  const area = areaWith({
    0: clevis(tang),
    1: { type: 'systemd-tpm2', keyslots: ['2'] },
    2: { type: 'systemd-recovery' },
    3: clevis({ pin: 'sss', sss: { t: 1, jwe: shares } }),
  });
  expect(unlockMethodsOf(area)).toEqual([
    { kind: 'tang', urls: ['http://tang.example'] },
    { kind: 'tpm2' },
    { kind: 'tang', urls: ['http://tang.example'] },
    { kind: 'tpm2' },
  ]);
});

test.each([
  ['no JSON'],
  ['{"tokens": 1}'],
  ['{"tokens": {"0": {"type": "clevis", "jwe": {"protected": "????"}}}}'],
  [''],
])('a header with %j has no tokens', (text) => {
  expect(unlockMethodsOf(Buffer.from(text))).toEqual([]);
});
