import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openImage } from '../../../src/image/open-image.ts';
import { testWithOracle } from '../../oracles/oracle.ts';
import { outputOf } from '../../oracles/run-program.ts';
import { failureOf } from '../failure-of.ts';
import { inFolder, noise, patch, writeDisk } from '../qemu-made.ts';
import { extSuperblock } from '../raw/superblocks.ts';

const MIB = 2 ** 20;
const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const utf16 = (text: string): Buffer => Buffer.from(`\u{feff}${text}`, 'utf16le');
/** A file that begins with `start`, followed by 1 MiB of noise. */
const from = (start: string): Buffer => Buffer.concat([latin(start), noise(MIB, 1)]);

const CONTENT: readonly [name: string, content: Buffer, says: RegExp, remedy: RegExp | undefined][] = [
  ['d.img', Buffer.alloc(0), /it is empty\.$/, undefined],
  ['d.img', Buffer.alloc(MIB), /zeros at its start, without a partition table/, /--input-format raw/],
  ['d.img', noise(MIB, 1), /in an unknown format, without a partition table/, /--input-format raw/],
  ['d.qcow', from('QFI\xfb\0\0\0\x01'), /version 1 is not supported/, /qemu-img convert -f qcow/],
  ['d.img', noise(100, 1), /in an unknown format/, /--input-format raw/],
  ['d.ova', noise(MIB, 1), /not an OVA, but in an unknown format/, /--input-format raw/],
  ['d.vhdx', noise(MIB, 1), /not a VHDX, but in an unknown format/, /--input-format raw/],
  ['d.img.gz', from('\x1f\x8b\x08'), /compressed with gzip/, /gunzip .*d\.img\.gz$/],
  ['d.img', from('\xfd7zXZ\0'), /compressed with xz/, /xz -d .*d\.img$/],
  ['d.img', from('BZh91AY&SY'), /compressed with bzip2/, /bunzip2/],
  ['d.img', from('\x28\xb5\x2f\xfd'), /compressed with Zstandard/, /zstd -d/],
  ['d.img', from('\x04\x22\x4d\x18'), /compressed with LZ4/, /lz4 -d/],
  ['d.img', from('PK\x03\x04'), /a ZIP archive/, /unzip/],
  ['d.img', from('7z\xbc\xaf\x27\x1c'), /a 7z archive/, /7z x/],
  ['d.img', from('Rar!\x1a\x07'), /a RAR archive/, /unrar/],
  ['d.img', from('QED\0'), /a QED image/, /qemu-img convert -f qed/],
  ['d.hdd', from('WithoutFreeSpace'), /a Parallels image/, /qemu-img convert -f parallels/],
  ['d.hdd', from('WithouFreSpacExt'), /a Parallels image/, /qemu-img convert -f parallels/],
  ['d.img', from('Bochs Virtual HD Image'), /a Bochs image/, /-f bochs/],
  ['d.img', from('#!/bin/sh\n#V2.0 Format\n'), /a cloop image/, /-f cloop/],
  ['d.img', from('LUKS\xba\xbe\0\x02'), /an encrypted LUKS volume/, /--input-format raw/],
  ['d.dmg', Buffer.concat([noise(4096, 1), latin('koly'), Buffer.alloc(508)]), /\(DMG\)/, /-f dmg/],
  [
    'd.vhd',
    Buffer.concat([noise(4096, 1), latin('conectix'), Buffer.alloc(504)]),
    /VHD whose footer is damaged/,
    /again/,
  ],
  ['d.vdi', from('<<< Oracle VM VirtualBox Disk Image >>>\n'), /VDI whose signature is damaged/, /again/],
  [
    'vmlinuz',
    Buffer.concat([Buffer.alloc(510), latin('\x55\xaa\xeb\x66HdrS'), noise(4096, 1)]),
    /a Linux kernel/,
    undefined,
  ],
  ['d.ovf', latin('<html><head><title>404 Not Found</title></head></html>\n'), /an HTML page/, /Download/],
  ['d.vmdk', latin('\n<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n'), /an HTML page/, /Download/],
  [
    'd.img',
    latin('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'),
    /a Git LFS pointer/,
    /git lfs pull/,
  ],
  ['d.img', latin('{"error": {"code": 401}}'), /a JSON document/, undefined],
  ['d.mf', latin('SHA256(web.ovf)= 00\n'), /the manifest of an OVF package/, /\.ovf/],
  ['d.img', latin('Just some words.\n'), /it is text\.$/, undefined],
  ['d.img', Buffer.from('Köln, 2026\n'), /it is text\.$/, undefined],
  ['d.vmx', utf16('.encoding = "UTF-16"\r\nconfig.version = "8"\r\n'), /text in UTF-16/, /iconv -f UTF-16/],
  ['d.vmdk', utf16('# Disk DescriptorFile\nversion=1\n').swap16(), /text in UTF-16/, /iconv -f UTF-16/],
];

test.each(CONTENT)('refuses %s by its content (%#)', async (name, content, says, remedy) => {
  await inFolder(async (folder) => {
    const path = join(folder, name);
    await writeFile(path, content);
    const { kind, message, hint } = await failureOf(path);
    expect({ kind, message, hint }).toEqual({
      kind: 'image',
      message: expect.stringMatching(says),
      hint: remedy === undefined ? undefined : expect.stringMatching(remedy),
    });
    expect(message).toContain(path);
    await using image = await openImage(path, { format: 'raw' });
    expect(image.format).toBe('raw');
  });
});

/** Structures that identify a file as a disk: bytes and their offsets. */
const DISKS: readonly [what: string, pieces: readonly (readonly [at: number, bytes: Buffer])[]][] = [
  ['an MBR', [[510, Buffer.from('55aa', 'hex')]]],
  ['a GPT without an MBR', [[512, latin('EFI PART')]]],
  ['a GPT in sectors of 4 KiB', [[4096, latin('EFI PART')]]],
  ['a BSD disklabel', [[64, Buffer.from('57455682', 'hex')]]],
  ['an LVM physical volume', [[512, latin('LABELONE')]]],
  ['RAID metadata 1.2', [[4096, Buffer.from('fc4e2ba9', 'hex')]]],
  ['RAID metadata 1.0', [[4 * MIB - 8192, Buffer.from('fc4e2ba9', 'hex')]]],
  ['RAID metadata 0.90', [[4 * MIB - 65_536, Buffer.from('fc4e2ba9', 'hex')]]],
  ['an ext file system', [[1024, extSuperblock(4096)]]],
  ['swap space', [[4086, latin('SWAPSPACE2')]]],
  ['an XFS file system', [[0, latin('XFSB')]]],
  ['an ISO 9660 file system', [[32_769, latin('CD001')]]],
  ['a ZFS uberblock', [[128 * 1024 + 5 * 4096, Buffer.from('0cb1ba0000000000', 'hex')]]],
  ['VMFS', [[MIB, Buffer.from('0dd001c0', 'hex')]]],
];

test.each(DISKS)(
  'takes a file with %s for a raw disk, unless its name ends like that of another format',
  async (_, pieces) => {
    await inFolder(async (folder) => {
      for (const name of ['disk', 'disk.raw', 'disk.img.bak', 'disk.hds']) {
        await writeDisk(join(folder, name), 4 * MIB, new Map(pieces));
        await using image = await openImage(join(folder, name));
        expect([image.format, image.virtualSizeBytes]).toEqual(['raw', 4 * MIB]);
      }
      for (const name of [
        'disk.ova',
        'disk.ovf',
        'disk.vmx',
        'disk.VMDK',
        'disk.vhd',
        'disk.vhdx',
        'disk.vdi',
        'disk.qcow2',
      ]) {
        const path = join(folder, name);
        await writeDisk(path, 4 * MIB, new Map(pieces));
        expect(await failureOf(path)).toMatchObject({
          kind: 'image',
          message: expect.stringMatching(/ is not an? .*: it contains .*, as a raw disk does\.$/),
          hint: expect.stringContaining('--input-format raw'),
        });
        await using image = await openImage(path, { format: 'raw' });
        expect(image.virtualSizeBytes).toBe(4 * MIB);
      }
    });
  },
);

testWithOracle(
  'qemu-img',
  'a flat extent given alone is refused, and its descriptor named',
  async ({ 'qemu-img': qemuImg }) => {
    await inFolder(async (folder) => {
      const at = (name: string): string => join(folder, name);
      await writeDisk(at('disk.raw'), 4 * MIB, new Map([[510, Buffer.from('55aa', 'hex')]]));
      const options = ['-o', 'subformat=monolithicFlat'];
      await outputOf(qemuImg, [
        'convert',
        '-f',
        'raw',
        '-O',
        'vmdk',
        ...options,
        at('disk.raw'),
        at("web's disk.vmdk"),
      ]);
      const extent = at("web's disk-flat.vmdk");
      expect(await failureOf(extent)).toMatchObject({
        message: `${extent} is only one extent of the disk ${at("web's disk.vmdk")}.`,
        hint: `Convert the descriptor: '${at("web'\\''s disk.vmdk")}'.`,
      });
      await using image = await openImage(at("web's disk.vmdk"));
      expect(image.virtualSizeBytes).toBe(4 * MIB);
    });
  },
);

testWithOracle(
  'qemu-img',
  'a sparse extent given alone is refused, and its descriptor named',
  async ({ 'qemu-img': qemuImg }) => {
    await inFolder(async (folder) => {
      const options = ['-o', 'subformat=twoGbMaxExtentSparse', join(folder, 'x.vmdk'), '3G'];
      await outputOf(qemuImg, ['create', '-q', '-f', 'vmdk', ...options]);
      for (const extent of ['x-s001.vmdk', 'x-s002.vmdk']) {
        expect(await failureOf(join(folder, extent))).toMatchObject({
          kind: 'image',
          message: expect.stringMatching(/is only one extent of a disk/),
          hint: `Convert the descriptor: ${join(folder, 'x.vmdk')}.`,
        });
      }
      await mkdir(join(folder, 'elsewhere'));
      await writeFile(join(folder, 'elsewhere', 'x-s002.vmdk'), await readFile(join(folder, 'x-s002.vmdk')));
      expect((await failureOf(join(folder, 'elsewhere', 'x-s002.vmdk'))).hint).toContain('the small text file');
    });
  },
);

testWithOracle(
  'qemu-img',
  'a VHD or VHDX whose signatures are damaged is not taken for a raw disk',
  async ({ 'qemu-img': qemuImg }) => {
    await inFolder(async (folder) => {
      const disk = join(folder, 'disk.raw');
      await writeDisk(disk, 4 * MIB, new Map([[510, Buffer.from('55aa', 'hex')]]));
      const damaged = join(folder, 'damaged');
      const convert = (format: string, ...options: string[]) =>
        outputOf(qemuImg, ['convert', '-f', 'raw', '-O', format, ...options, disk, damaged]);
      await convert('vhdx');
      await patch(damaged, (bytes) => bytes.fill(0, 0, 512));
      expect((await failureOf(damaged)).message).toMatch(/a VHDX whose file identifier is damaged/);
      await convert('vpc', '-o', 'subformat=fixed,force_size=on');
      await patch(damaged, (bytes) => bytes.fill(9, bytes.length - 452, bytes.length - 448));
      expect((await failureOf(damaged)).message).toMatch(/a VHD whose footer is damaged/);
      await convert('vpc', '-o', 'subformat=dynamic,force_size=on');
      await patch(damaged, (bytes) => bytes.fill(0, 0, 512));
      await truncate(damaged, 1024 * 1024);
      expect((await failureOf(damaged)).message).toMatch(/a VHD whose header is damaged/);
    });
  },
);
