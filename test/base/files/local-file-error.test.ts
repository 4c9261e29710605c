import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { errnoOf, localFileError } from '../../../src/base/files/local-file-error.ts';

test('only errors of files are turned into local-file errors', () => {
  const full = Object.assign(new Error('x'), { code: 'ENOSPC' });
  expect(localFileError('write', '/a/b', full)).toMatchObject({
    kind: 'local-file',
    message: 'Could not write /a/b: no space is left.',
    cause: full,
  });
  const own = new Hyper2kvmError('transfer', 'x');
  expect(localFileError('write', '/a', own)).toBe(own);
  const other = new TypeError('x');
  expect(localFileError('write', '/a', other)).toBe(other);
});

test.each([
  ['of the system', Object.assign(new Error('x'), { code: 'ENOSPC' }), 'ENOSPC'],
  ['of Node', Object.assign(new Error('x'), { code: 'ERR_STREAM_DESTROYED' }), undefined],
  ['that is a number', Object.assign(new Error('x'), { code: 5 }), undefined],
  // The error that Node throws on Linux, because libuv has no name for this number.
  ['of a quota', Object.assign(new Error('x'), { code: 'UNKNOWN', errno: -122, syscall: 'write' }), 'EDQUOT'],
  [
    'of a number that no system has',
    Object.assign(new Error('x'), { code: 'UNKNOWN', errno: -99_999, syscall: 'write' }),
    undefined,
  ],
  ['of nothing', undefined, undefined],
])('a code %s is an errno or none', (_, error, errno) => {
  expect(errnoOf(error)).toBe(errno);
});
