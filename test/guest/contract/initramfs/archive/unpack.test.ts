import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { InitramfsError } from '../../../../../src/guest/contract/initramfs/archive/cpio.ts';
import { UnreadCompressionError } from '../../../../../src/guest/contract/initramfs/archive/decompress.ts';
import { unpackInitramfs } from '../../../../../src/guest/contract/initramfs/archive/unpack.ts';
import { testWithOracle, type OracleName } from '../../../../oracles/oracle.ts';
import { outputOf } from '../../../../oracles/run-program.ts';
import { cpioOf, gzipped, newcEntry, zstandard } from '../make-initramfs.ts';
import { makeTemporaryFolder } from '../../../../temporary-folder.ts';

const MODULE = 'lib/modules/6.1.0/kernel/drivers/block/virtio_blk.ko';
const MICROCODE = cpioOf({ '/kernel/x86/microcode/GenuineIntel.bin': 'microcode' });
const MAIN = { '/init': '#!/bin/sh\n', '/etc/crypttab': 'root UUID=1 none\n', '/bin': { link: 'usr/bin' } };

/** Builds an initramfs with the programs that distributions use. */
async function packed(cpio: string, compress: readonly [string, ...string[]]): Promise<Buffer> {
  const folder = await makeTemporaryFolder('hyper2kvm-initramfs-');
  try {
    const files = { init: '#!/bin/sh\n', 'conf/conf.d/resume': 'RESUME=none\n', [`usr/${MODULE}`]: 'x'.repeat(70_000) };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(folder, 'root', dirname(path)), { recursive: true });
      await writeFile(join(folder, 'root', path), text);
    }
    await symlink('usr/lib', join(folder, 'root', 'lib'));
    const image = join(folder, 'image');
    const [program, ...args] = compress;
    const script = 'cd "$1" && find . | "$2" --quiet -o -H newc | "${@:4}" >"$3"';
    await outputOf('bash', [
      '-o',
      'pipefail',
      '-c',
      script,
      'pack',
      join(folder, 'root'),
      cpio,
      image,
      program,
      ...args,
    ]);
    return await readFile(image);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const COMPRESSIONS: readonly { oracle: OracleName; args: readonly string[] }[] = [
  { oracle: 'gzip', args: ['-9', '-c'] },
  { oracle: 'zstd', args: ['-19', '-c'] },
  { oracle: 'xz', args: ['--check=crc32', '--lzma2=dict=1MiB', '-c'] },
  { oracle: 'xz', args: ['-9e', '--check=crc64', '--block-size=20000', '-c'] },
  { oracle: 'xz', args: ['--format=lzma', '-c'] },
  { oracle: 'lz4', args: ['-l', '-9', '-c'] },
];

for (const { oracle, args } of COMPRESSIONS) {
  testWithOracle(
    ['cpio', oracle],
    `unpacks an initramfs of cpio and ${oracle} ${args.join(' ')}, before and after another part`,
    async (paths) => {
      const image = await packed(paths.cpio, [paths[oracle as 'cpio'], ...args]);
      const tree = await unpackInitramfs([
        Buffer.concat([MICROCODE, image, Buffer.alloc(8), cpioOf({ '/etc/after': 'yes' })]),
      ]);
      expect(await tree.read('/etc/after')).toBe('yes');
      expect(await tree.read('/init')).toBe('#!/bin/sh\n');
      expect(await tree.read('/conf/conf.d/resume')).toBe('RESUME=none\n');
      expect(await tree.isFile(`/${MODULE}`)).toBe(true);
      expect(await tree.isFile('/kernel/x86/microcode/GenuineIntel.bin')).toBe(true);
      expect(await tree.list('/')).toEqual(['conf', 'etc', 'init', 'kernel', 'lib', 'usr']);
      expect(tree.paths()).toContain(`/usr/${MODULE}`);
    },
  );
}

test('unpacks images one after the other into one tree, in which a later file counts', async () => {
  const tree = await unpackInitramfs([MICROCODE, gzipped(MAIN), zstandard({ '/etc/crypttab': 'later\n' })]);
  expect(await tree.read('/etc/crypttab')).toBe('later\n');
  expect(await tree.linkTarget('/bin')).toBe('usr/bin');
});

test('gives the content of a file to all of its names', async () => {
  const facts = { links: 2, inode: 7 };
  const parts = [
    newcEntry('etc/a', 0o100644, Buffer.alloc(0), facts),
    newcEntry('etc/b', 0o100644, Buffer.from('both'), facts),
    newcEntry('TRAILER!!!', 0, Buffer.alloc(0)),
  ];
  const tree = await unpackInitramfs([Buffer.concat(parts)]);
  expect(await tree.read('/etc/a')).toBe('both');
});

test('a loop of links leads nowhere', async () => {
  const tree = await unpackInitramfs([
    cpioOf({ '/a': { link: 'b' }, '/b': { link: '/a' }, '/c': { link: '../../c/d' } }),
  ]);
  expect(await tree.read('/a')).toBeUndefined();
  expect(await tree.isFolder('/c')).toBe(false);
});

test('an initramfs that is cut off is an error, wherever that is', async () => {
  const whole = cpioOf(MAIN);
  for (let length = 1; length < whole.length; length += 7) {
    // The bytes after the last header are padding.
    await expect(unpackInitramfs([whole.subarray(0, length)])).rejects.toThrow(InitramfsError);
  }
  for (const image of [gzipped(MAIN), zstandard(MAIN)]) {
    for (const length of [3, 12, image.length >> 1, image.length - 1]) {
      await expect(unpackInitramfs([image.subarray(0, length)])).rejects.toThrow(InitramfsError);
    }
  }
});

test('an initramfs that unpacks to more than the limit is an error', async () => {
  const bomb = gzipSync(Buffer.concat([newcEntry('zeros', 0o100644, Buffer.alloc(64 << 20)), cpioOf({})]));
  expect(bomb.length).toBeLessThan(100_000);
  await expect(unpackInitramfs([bomb], { mostUnpackedBytes: 32 << 20 })).rejects.toThrow('unpacks to more than');
});

test('headers that lie are errors', async () => {
  const lies = [
    newcEntry('a', 0o100644, Buffer.alloc(0), { nameBytes: 0xffffffff }),
    newcEntry('a', 0o100644, Buffer.alloc(0), { nameBytes: 0 }),
    newcEntry('etc/a', 0o100644, Buffer.from('a'), { sizeBytes: 0xfffffff0 }),
    Buffer.from(`070701${'zzzzzzzz'.repeat(13)}`),
    Buffer.concat([newcEntry('a', 0o100644, Buffer.alloc(0)), Buffer.from('garbage!'.repeat(20))]),
  ];
  for (const image of lies) await expect(unpackInitramfs([image])).rejects.toThrow(InitramfsError);
});

test('what is no initramfs is an error, and an unread compression another', async () => {
  await expect(unpackInitramfs([Buffer.from('hello world')])).rejects.toThrow(InitramfsError);
  await expect(unpackInitramfs([Buffer.alloc(4096)])).rejects.toThrow('it is empty');
  await expect(unpackInitramfs([gzipSync('no archive')])).rejects.toThrow(InitramfsError);
  await expect(unpackInitramfs([Buffer.from('\x89LZO\0\r\n\x1a\n', 'latin1')])).rejects.toThrow(UnreadCompressionError);
});
