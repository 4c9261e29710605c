import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageFormat } from '../../src/image/model/image.ts';
import type { MutableImage } from './mutable-image.ts';
import { convertDisk, noise, writeDisk } from '../image/make-disk.ts';
import { extSuperblock } from '../image/raw/superblocks.ts';
import { blockAt, differencingVhd, sealVhd } from '../image/vhd/vhd-files.ts';
import {
  batAt,
  changeHeaders,
  changeRegionTables,
  dataWriteGuid,
  differencingVhdx,
  metadataAt,
} from '../image/vhdx/vhdx-files.ts';

const MIB = 2 ** 20;

/** Pairs of offset and length in bytes. */
type Ranges = readonly (readonly [number, number])[];

/** An image to damage, with the places of its structures and a function that corrects its checksums. */
export interface Subject {
  path: string;
  structures: (bytes: Buffer) => Ranges;
  seal?: (image: MutableImage) => void;
}

const DISK = new Map([
  [0, noise(70_000, 1)],
  [MIB, Buffer.alloc(200_000, 'text ')],
]);

async function convertTo(
  qemuImg: string,
  path: string,
  format: ImageFormat,
  options = '',
  flags: string[] = [],
): Promise<string> {
  const raw = `${path}.raw`;
  await writeDisk(raw, 3 * MIB, DISK);
  await convertDisk(qemuImg, [raw, path], format, { options, flags });
  return path;
}

function qcow2Structures(bytes: Buffer): Ranges {
  const l1 = Number(bytes.readBigUInt64BE(40));
  const l2 = bytes.readUInt32BE(l1 + 4);
  const backing = Number(bytes.readBigUInt64BE(8));
  return [
    [0, 120],
    [0, 120],
    [104, 500],
    [backing, 40],
    [l1, 16],
    [l2, 64],
    [l2, 1024],
  ];
}

function vhdStructures(bytes: Buffer): Ranges {
  const end: readonly [number, number] = [bytes.length - 512, 90];
  if (bytes.subarray(0, 8).toString() !== 'conectix') return [end];
  return [[0, 90], [512, 70], [1088, 224], [1536, 16], [blockAt(bytes, 0), 512], [bytes.length - 2048, 1536], end];
}

/** Updates the checksums of both footers and of the header. */
function sealAllOfVhd(image: MutableImage): void {
  image.change(image.bytes.length - 512, 512, (footer) => sealVhd(footer, 64));
  if (image.bytes.subarray(0, 4).toString() !== 'cone') return;
  image.change(0, 512, (footer) => sealVhd(footer, 64));
  image.change(512, 1024, (header) => sealVhd(header, 36));
}

function vhdxStructures(bytes: Buffer): Ranges {
  const [bat, metadata] = [batAt(bytes), metadataAt(bytes)];
  const items: Ranges = [
    [metadata, 260],
    [metadata + 65_536, 64],
    [metadata + 131_072, 400],
  ];
  return [[0, 16], [65_536, 80], [131_072, 80], [196_608, 80], [262_144, 80], [bat, 64], [bat, 64], ...items, ...items];
}

/**
 * Updates the checksums of damaged headers and region tables only. The checksum of a table takes longer than the rest
 * of a round.
 */
function sealAllOfVhdx(image: MutableImage): void {
  if (image.isChanged(65_536, 131_072))
    image.change(65_536, 131_072, () => changeHeaders(image.bytes, () => undefined));
  if (image.isChanged(196_608, 131_072)) {
    image.change(196_608, 131_072, () => changeRegionTables(image.bytes, () => undefined));
  }
}

/** By format: creates small images of every variant in a folder. */
export const SUBJECTS: Readonly<Record<string, (qemuImg: string, folder: string) => Promise<Subject[]>>> = {
  qcow2: async (qemuImg, folder) => {
    const at = (name: string): string => join(folder, name);
    await convertTo(qemuImg, at('base.qcow2'), 'qcow2');
    const paths = [
      await convertTo(qemuImg, at('v2.qcow2'), 'qcow2', 'compat=0.10'),
      await convertTo(qemuImg, at('zlib.qcow2'), 'qcow2', 'compression_type=zlib', ['-c']),
      await convertTo(qemuImg, at('zstd.qcow2'), 'qcow2', 'compression_type=zstd,cluster_size=4k', ['-c']),
      await convertTo(qemuImg, at('sub.qcow2'), 'qcow2', 'extended_l2=on,cluster_size=16k'),
      await convertTo(qemuImg, at('top.qcow2'), 'qcow2', 'backing_file=base.qcow2,backing_fmt=qcow2'),
    ];
    return paths.map((path) => ({ path, structures: qcow2Structures }));
  },
  VHD: async (qemuImg, folder) => {
    const parent = await convertTo(qemuImg, join(folder, 'parent.vhd'), 'vpc');
    const fixed = await convertTo(qemuImg, join(folder, 'fixed.vhd'), 'vpc', 'subformat=fixed');
    const dynamic = await readFile(await convertTo(qemuImg, join(folder, 'dynamic.vhd'), 'vpc'));
    const child = join(folder, 'child.vhd');
    const id = (await readFile(parent)).subarray(68, 84);
    await writeFile(child, differencingVhd(dynamic, { id, relative: 'parent.vhd', absolute: 'C:\\parent.vhd' }));
    return [parent, child, fixed].map((path) => ({ path, structures: vhdStructures, seal: sealAllOfVhd }));
  },
  VHDX: async (qemuImg, folder) => {
    const options = 'block_size=1M,log_size=1M';
    const parent = await convertTo(qemuImg, join(folder, 'parent.vhdx'), 'vhdx', options);
    const dynamic = await readFile(await convertTo(qemuImg, join(folder, 'dynamic.vhdx'), 'vhdx', options));
    const child = join(folder, 'child.vhdx');
    const locator = { relative_path: 'parent.vhdx', parent_linkage: dataWriteGuid(await readFile(parent)).text };
    await writeFile(child, differencingVhdx(dynamic, locator, new Map([[0, Buffer.alloc(256, 0x5a)]])));
    return [parent, child].map((path) => ({ path, structures: vhdxStructures, seal: sealAllOfVhdx }));
  },
  raw: async (_qemuImg, folder) => {
    const [first, second, third] = [join(folder, 'mbr.raw'), join(folder, 'ext.raw'), join(folder, 'disk-flat.vmdk')];
    const mbr = Buffer.alloc(66);
    mbr.writeUInt32LE(1, 8);
    mbr.writeUInt8(0xee, 4);
    mbr.writeUInt16BE(0x55aa, 64);
    const pieces = new Map([
      [446, mbr],
      [512, Buffer.from('EFI PART')],
    ]);
    await writeDisk(first, 3 * MIB, pieces);
    await writeDisk(second, 3 * MIB, new Map([[1024, extSuperblock(3072)]]));
    await writeDisk(third, 3 * MIB, pieces);
    await writeFile(join(folder, 'disk.vmdk'), 'version=1\nRW 6144 FLAT "disk-flat.vmdk" 0\n');
    const structures = (): Ranges => [
      [0, 16],
      [446, 66],
      [512, 92],
      [1024, 100],
      [32_768, 16],
      [65_536, 16],
    ];
    return [first, second, third].map((path) => ({ path, structures }));
  },
  VDI: async (qemuImg, folder) => {
    const path = await convertTo(qemuImg, join(folder, 'disk.vdi'), 'vdi');
    return [
      {
        path,
        structures: () => [
          [64, 448],
          [340, 60],
          [512, 16],
        ],
      },
    ];
  },
};
