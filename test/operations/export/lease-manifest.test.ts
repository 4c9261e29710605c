import { expect, test } from '@jest/globals';
import { checkAgainstManifest } from '../../../src/operations/export/lease-manifest.ts';

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

test('an equal digest passes, whichever of the two the server gives', () => {
  checkAgainstManifest(file, [{ ...entry, checksum: 'aa', checksumType: 'sha256' }]);
  checkAgainstManifest(file, [{ ...entry, checksum: 'aa', checksumType: 'sha-256' }]);
  checkAgainstManifest(file, [{ ...entry, sha1: 'bb' }]);
  checkAgainstManifest(file, [{ ...entry, checksum: 'bb', checksumType: 'sha1' }]);
});

test('a server that offers no manifest is no failure', () => {
  checkAgainstManifest(file, []);
  checkAgainstManifest(file, [{ ...entry, key: 'another', checksum: 'zz', checksumType: 'sha256' }]);
});

test.each([
  [{ ...entry, checksum: 'ab', checksumType: 'sha256' }, 'sha256 ab were sent, aa arrived'],
  [{ ...entry, sha1: 'ab' }, 'sha1 ab were sent, bb arrived'],
  [{ ...entry, sizeBytes: 11 }, '11 bytes were sent, 10 bytes arrived'],
])('%j is a mismatch that is worth another try', (wrong, told) => {
  expect(() => checkAgainstManifest(file, [wrong])).toThrow(
    expect.objectContaining({ kind: 'transfer', retryable: true, message: expect.stringContaining(told) }),
  );
});
