import { existsSync } from 'node:fs';
import { expect } from '@jest/globals';
import { GuestFiles } from '../../src/guest/guest-files.ts';
import { Guestfs } from '../../src/guest/guestfs.ts';
import { testWithOracle } from '../oracles/oracle.ts';
import { APPLIANCE_TEST_MS, emptyDisk, imageFolder } from './make-disk.ts';

const HOSTILE = ['-rf', `a "b" 'c'`, 'line\nbreak', '\\x41 $(reboot) `x` | cat > x', 'ümläut'];

testWithOracle(
  'guestfish',
  'a session survives hostile names, failed commands and odd files, and an abort leaves no process and no file',
  async () => {
    await using folder = await imageFolder();
    const disk = await emptyDisk(folder.path, 'a.img', 64 * 2 ** 20);
    const ending = new AbortController();
    await using session = await Guestfs.start({ disks: [disk], readOnly: false, signal: ending.signal });
    await session.call(['part-disk', '/dev/sda', 'mbr']);
    await session.call(['mkfs', 'ext4', '/dev/sda1']);
    await session.call(['mount', '/dev/sda1', '/']);
    const files = new GuestFiles(session);
    for (const name of HOSTILE) await files.write(`/names/${name}`, `of ${name.length}\nend`);
    expect((await files.list('/names')).toSorted()).toEqual(HOSTILE.toSorted());
    for (const name of HOSTILE) expect(await files.read(`/names/${name}`)).toBe(`of ${name.length}\nend`);

    // Calls that are not waited for answer each for itself.
    const texts = await Promise.all(HOSTILE.map((name) => files.read(`/names/${name}`)));
    expect(texts).toEqual(HOSTILE.map((name) => `of ${name.length}\nend`));

    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
    await files.write('/bytes', everyByte);
    expect(await files.read('/bytes')).toBe(everyByte);

    await expect(session.call(['cat', '/nope'])).rejects.toThrow('/nope: No such file or directory');
    expect(await files.read('/nope')).toBeUndefined();
    expect(await files.list('/nope')).toEqual([]);

    await session.call(['mkfifo', '0600', '/fifo']);
    expect(await files.read('/fifo')).toBeUndefined();
    await session.call(['touch', '/huge']);
    await session.call(['truncate-size', '/huge', '40000000']);
    await expect(files.read('/huge')).rejects.toThrow('/huge in the guest is longer than 1048576 bytes');

    await session.call(['ln-s', '/etc/hostname', '/escape']);
    expect(await files.read('/escape')).toBeUndefined();
    expect(await files.isLink('/escape')).toBe(true);

    const slow = session.call(['sleep', '600']);
    setTimeout(() => ending.abort(new Error('enough')), 500);
    await expect(slow).rejects.toThrow('enough');
    await expect(session.call(['version'])).rejects.toThrow('enough');
    expect(existsSync(session.scratchFolder)).toBe(false);
  },
  APPLIANCE_TEST_MS,
);

testWithOracle(
  'guestfish',
  'a command over its limit ends the session with an error that names it',
  async () => {
    await using folder = await imageFolder();
    const disk = await emptyDisk(folder.path, 'a.img', 2 ** 20);
    await using session = await Guestfs.start({ disks: [disk], readOnly: true, signal: new AbortController().signal });
    await expect(session.call(['sleep', '60'], { limitMs: 300 })).rejects.toThrow('guestfish sleep was not over after');
  },
  APPLIANCE_TEST_MS,
);
