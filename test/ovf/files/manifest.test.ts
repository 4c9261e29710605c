import { expect, test } from '@jest/globals';
import { manifestText, parseManifest } from '../../../src/ovf/files/manifest.ts';

const SHA1 = '0123456789abcdef0123456789abcdef01234567';
const SHA256 = SHA1 + SHA1.slice(0, 24);

test('what was written reads back, whatever the name', () => {
  const names = ['a b.vmdk', 'x (1).ovf', 'q"\'.nvram', 'größe.vmdk', 'a)= b', 'SHA256(x)= y', ' ', '='];
  const text = manifestText(names.map((name) => ({ name, sha256: SHA256 })));
  expect(text.split('\n')[0]).toBe(`SHA256(a b.vmdk)= ${SHA256}`);
  expect(parseManifest(text, 'x.mf')).toEqual(names.map((name) => ({ name, algorithm: 'sha256', digest: SHA256 })));
});

test('the spellings of VMware and of openssl are both read', () => {
  const text = `SHA1 (disk (2).vmdk) = ${SHA1.toUpperCase()}\r\n\r\nSHA256(a)= ${SHA256}\r\nSHA1(b)=${SHA1}`;
  expect(parseManifest(text, 'x.mf').map(({ name, algorithm }) => [name, algorithm])).toEqual([
    ['disk (2).vmdk', 'sha1'],
    ['a', 'sha256'],
    ['b', 'sha1'],
  ]);
});

test('the newer spelling with the family, SHA-384, and names with ./ are read', () => {
  const SHA384 = SHA256 + SHA256.slice(0, 32);
  const SHA512 = SHA256 + SHA256;
  const text = `SHA2-256(./a)= ${SHA256}\nSHA2-384(b)= ${SHA384}\nSHA384(c)= ${SHA384}\nSHA2-512(d) = ${SHA512}\n`;
  expect(parseManifest(text, 'x.mf')).toEqual([
    { name: 'a', algorithm: 'sha256', digest: SHA256 },
    { name: 'b', algorithm: 'sha384', digest: SHA384 },
    { name: 'c', algorithm: 'sha384', digest: SHA384 },
    { name: 'd', algorithm: 'sha512', digest: SHA512 },
  ]);
});

test.each([
  ['a digest of the wrong length', `SHA256(a)= ${SHA1}`, /^Line 1 of the manifest x\.mf is not a digest/],
  ['an unknown algorithm', `SHA256(b)= ${SHA256}\nMD5(a)= ${SHA1}`, /^Line 2 /],
  ['a line with more behind', `SHA1(a)= ${SHA1} x`, /is not a digest/],
  ['a line without a name', `SHA1()= ${SHA1}`, /is not a digest/],
  ['a file that comes twice', `SHA1(a)= ${SHA1}\nSHA256(a)= ${SHA256}`, /^Line 2 .* names a a second time/],
])('%s is refused with its line', (_what, text, message) => {
  expect(() => parseManifest(text, 'x.mf')).toThrow(
    expect.objectContaining({ kind: 'image', message: expect.stringMatching(message) }),
  );
});

test('a name with a line end cannot be written', () => {
  expect(() => manifestText([{ name: 'a\nSHA1(b)= 0', sha256: SHA256 }])).toThrow(
    expect.objectContaining({ kind: 'internal' }),
  );
});
