import { expect, test } from '@jest/globals';
import { productName } from '../../../src/guest/windows/windows-system.ts';

test.each([
  ['Windows 10 Pro', '19045', 'Windows 10 Pro'],
  ['Windows 10 Pro', '22631', 'Windows 11 Pro'],
  ['Windows Server 2022 Standard', '26100', 'Windows Server 2022 Standard'],
  ['Microsoft Windows XP', undefined, 'Microsoft Windows XP'],
  [undefined, undefined, 'Windows'],
])('a registry with %s and build %s is %s', (product, build, name) => {
  expect(productName(product, build)).toBe(name);
});
