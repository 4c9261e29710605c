import type { ImageFormat } from '../../../src/image/model/image.ts';
import type { OracleName } from '../../oracles/oracle.ts';
import { makeFlat, makeOfVmfs, makeStream } from './make-by-hand.ts';
import { makeByQemu, makeQcow2Chain, makeVhdChain, makeVhdxChain, makeVmdkChain, type Place } from './make-by-qemu.ts';

const GIB = 2 ** 30;
const TIB = 2 ** 40;

/** An image format and variant that can be read. */
export interface Kind {
  title: string;
  format: ImageFormat;
  variant: string;
  needs: readonly OracleName[];
  /** Creates an image, and returns its path. */
  make: (place: Place) => Promise<string>;
  /** Sizes of huge disks that both this format and a file system support. */
  huge: readonly number[];
}

type QemuRow = readonly [format: ImageFormat, variant: string, options: string, huge?: readonly number[]];

function byQemu([format, variant, options, huge = []]: QemuRow): Kind {
  const title = `${format} by qemu-img, ${options || 'as it comes'}`;
  const make = (place: Place): Promise<string> => makeByQemu(place, format, options);
  return { title, format, variant, needs: ['qemu-img'], make, huge };
}

type Row = readonly [title: string, format: ImageFormat, variant: string, make: Kind['make'], huge: readonly number[]];

function byHand([title, format, variant, make, huge]: Row): Kind {
  return { title, format, variant, needs: [], make, huge };
}

/**
 * Flat files end at 2 TiB, because a file on ext4 can have at most 16 TiB. Variants that are split into files of 2 GiB
 * end at some dozens of files.
 */
const BY_QEMU: readonly QemuRow[] = [
  ['raw', '', '', [2 * TIB]],
  ['qcow2', '', '', [2 * TIB, 64 * TIB]],
  ['qcow2', '', 'compat=0.10', [2 * TIB, 64 * TIB]],
  ['qcow2', '', '-c', [2 * TIB]],
  ['qcow2', '', '-c compression_type=zstd', [2 * TIB]],
  // At 64 TiB, qemu-img writes 4 GiB of grain tables, which takes too long to read in a test. seSparse is tested at
  // that size.
  ['vmdk', 'monolithicSparse', '', [2 * TIB]],
  ['vmdk', 'streamOptimized', 'subformat=streamOptimized', [2 * TIB]],
  ['vmdk', 'monolithicFlat', 'subformat=monolithicFlat', [2 * TIB]],
  ['vmdk', 'twoGbMaxExtentSparse', 'subformat=twoGbMaxExtentSparse', [64 * GIB + 512]],
  ['vmdk', 'twoGbMaxExtentFlat', 'subformat=twoGbMaxExtentFlat', [64 * GIB + 512]],
  // The maximum that qemu-img supports.
  ['vpc', 'dynamic', 'force_size=on', [2040 * GIB]],
  ['vpc', 'fixed', 'subformat=fixed,force_size=on', [2040 * GIB]],
  ['vhdx', 'dynamic', '', [2 * TIB, 64 * TIB]],
  ['vhdx', 'fixed', 'subformat=fixed', [2 * TIB]],
  ['vdi', 'dynamic', '', [2 * TIB, 64 * TIB]],
  ['vdi', 'static', 'static=on', [2 * TIB]],
];

const CHAINS: readonly Row[] = [
  ['qcow2 on a backing file', 'qcow2', '', makeQcow2Chain, [2 * TIB, 64 * TIB]],
  ['monolithicSparse on a parent', 'vmdk', 'monolithicSparse', makeVmdkChain, [2 * TIB]],
  ['vpc on a parent', 'vpc', 'differencing', makeVhdChain, [2040 * GIB]],
  // The builder of the child supports only one chunk, which is 4 GiB.
  ['vhdx on a parent', 'vhdx', 'differencing', makeVhdxChain, []],
];

/**
 * Kinds that test code builds. streamOptimized as written by this program is not listed here, because the writer tests
 * read it back. The builder of a host's stream visits every grain, so it has no huge disk.
 */
const BY_HAND: readonly Row[] = [
  ['streamOptimized by a host', 'vmdk', 'streamOptimized', (place) => makeStream(place, { lastGrain: 'padded' }), []],
  ['streamOptimized by a host, cut', 'vmdk', 'streamOptimized', (place) => makeStream(place, { lastGrain: 'cut' }), []],
  ['vmfs', 'vmdk', 'vmfs', (place) => makeFlat(place), [2 * TIB]],
  // The format stores its capacity as a 32-bit number of sectors.
  ['vmfsSparse', 'vmdk', 'vmfsSparse', (place) => makeOfVmfs(place, 'vmfsSparse'), [2 * TIB - 512]],
  ['seSparse', 'vmdk', 'seSparse', (place) => makeOfVmfs(place, 'seSparse'), [2 * TIB, 64 * TIB]],
  ['vmfsSparse on a parent', 'vmdk', 'vmfsSparse', (place) => makeOfVmfs(place, 'vmfsSparse', true), [2 * TIB - 512]],
  ['seSparse on a parent', 'vmdk', 'seSparse', (place) => makeOfVmfs(place, 'seSparse', true), [2 * TIB]],
];

/** Every kind of image that can be read. */
export const KINDS: readonly Kind[] = [
  ...BY_QEMU.map(byQemu),
  ...CHAINS.map((row): Kind => ({ ...byHand(row), needs: ['qemu-img'] })),
  ...BY_HAND.map(byHand),
];

/** The same kinds, created by qemu-img with other options. */
export const VARIANTS: readonly Kind[] = (
  [
    ['qcow2', '', 'cluster_size=512'],
    ['qcow2', '', 'cluster_size=2M'],
    ['qcow2', '', 'extended_l2=on'],
    ['qcow2', '', 'cluster_size=16k,extended_l2=on'],
    ['qcow2', '', 'lazy_refcounts=on,preallocation=metadata'],
    ['qcow2', '', 'preallocation=full'],
    ['qcow2', '', '-c compat=0.10'],
    ['qcow2', '', '-c cluster_size=512'],
    ['qcow2', '', '-c cluster_size=2M'],
    ['qcow2', '', '-c compression_type=zstd,cluster_size=2M'],
    ['qcow2', '', '-c compression_type=zstd,extended_l2=on'],
    ['vmdk', 'monolithicSparse', 'compat6=on'],
    ['vmdk', 'monolithicSparse', 'zeroed_grain=on'],
    ['vhdx', 'dynamic', 'block_size=1M,log_size=1M'],
    ['vhdx', 'dynamic', 'block_state_zero=off'],
    ['vhdx', 'fixed', 'subformat=fixed,block_size=1M'],
  ] as const satisfies readonly QemuRow[]
).map(byQemu);
