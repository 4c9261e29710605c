import { expect, test } from '@jest/globals';
import { bootLoader } from '../../../../src/guest/linux/boot-loader/boot-loader.ts';
import { plannedOn } from '../planned-on.ts';

test.each([
  ['/etc/default/extlinux', 'EXTLINUX_ROOT="root=/dev/sda1"\n', 'EXTLINUX_ROOT="root=UUID=aaaa"\n'],
  ['/etc/default/u-boot', 'U_BOOT_ROOT="root=/dev/sda1"\n', 'U_BOOT_ROOT="root=UUID=aaaa"\n'],
  ['/etc/kernel/cmdline', 'root=/dev/sda1 ro\n', 'root=UUID=aaaa ro\n'],
])('the root in %s, of which a hook makes boot entries, gets its UUID', async (path, before, after) => {
  const { read, changes } = await plannedOn({ [path]: before }, bootLoader);
  expect(await read(path)).toBe(after);
  expect(changes).toMatchObject([{ fix: 'boot-loader', action: 'edit', path }]);
});
