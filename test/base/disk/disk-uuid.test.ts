import { expect, test } from '@jest/globals';
import { diskUuidOf } from '../../../src/base/disk/disk-uuid.ts';

test.each([
  ['6000C29a-1b2c-3d4e-5f60-718293a4b5c6', '6000c29a1b2c3d4e5f60718293a4b5c6'],
  ['60 00 C2 9a 1b 2c 3d 4e-5f 60 71 82 93 a4 b5 c6', '6000c29a1b2c3d4e5f60718293a4b5c6'],
  ['', undefined],
  ['6000C29a', undefined],
  ['not a uuid of any kind, but as long', undefined],
  [undefined, undefined],
])('%j is the disk %j', (text, uuid) => {
  expect(diskUuidOf(text)).toBe(uuid);
});
