import { expect, test } from '@jest/globals';
import { manifestEntryOf } from '../../../../src/operations/export/source/lease-files.ts';
import { checkAgainstManifest } from '../../../../src/operations/export/source/manifest.ts';

const file = { key: 'k', name: 'vm-disk-1.vmdk', sizeBytes: 10, sha256: 'aa', sha1: 'bb' };
const entry = {
  key: 'k',
  sha1: '',
  checksum: '',
  checksumType: '',
  sizeBytes: 10,
  capacityBytes: 1,
  populatedBytes: 1,
};

test.each([
  { checksum: 'aa', checksumType: 'sha256' },
  { checksum: 'aa', checksumType: 'sha-256' },
  { sha1: 'bb' },
  { checksum: 'bb', checksumType: 'sha1' },
])('an equal digest proves the file, whichever of the two the server gives: %j', (told) => {
  expect(checkAgainstManifest(file, [manifestEntryOf({ ...entry, ...told })])).toBe(true);
});

test.each([
  ['no entry at all', file, []],
  ['the entry of another file alone', file, [{ ...entry, key: 'another', checksum: 'zz', checksumType: 'sha256' }]],
  ['the size alone', file, [entry]],
  ['a SHA-1 that was not computed here', { ...file, sha1: undefined }, [{ ...entry, sha1: 'zz' }]],
])('%s is no failure, and no proof', (_, arrived, manifest) => {
  expect(checkAgainstManifest(arrived, manifest.map(manifestEntryOf))).toBe(false);
});

test.each([
  [{ ...entry, checksum: 'ab', checksumType: 'sha256' }, 'sha256 ab were sent, aa arrived'],
  [{ ...entry, sha1: 'ab' }, 'sha1 ab were sent, bb arrived'],
  [{ ...entry, sizeBytes: 11 }, '11 bytes were sent, 10 bytes arrived'],
])('%j is a mismatch that is worth another try', (wrong, told) => {
  expect(() => checkAgainstManifest(file, [manifestEntryOf(wrong)])).toThrow(
    expect.objectContaining({ kind: 'transfer', retryable: true, message: expect.stringContaining(told) }),
  );
});
