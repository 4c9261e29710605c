import { readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { requireSize } from '../../image/create-sink.ts';
import type { MappedImage } from '../../image/image.ts';
import { openSource, type ConvertSource, type SourceDisk } from './convert-source.ts';
import type { ConvertOptions } from './types.ts';

/** Where everything goes: decided before the first byte. */
export interface Layout {
  source: ConvertSource;
  folder: string;
  disks: { disk: SourceDisk; path: string; capacityBytes: number; warning: string | undefined }[];
  warnings: string[];
  domainPath: string | undefined;
}

const NO_GUEST_RUNS_FROM_IT =
  'QEMU cannot write to a streamOptimized VMDK: convert it to qcow2 where the libvirt domain is to run.';

/** Opens the source and names what is to be written. Writes nothing. */
export async function layOut(options: ConvertOptions, signal: AbortSignal): Promise<Layout> {
  const source = await openSource(options.source, signal);
  const all = source.disks.map((disk, index) => ({ disk, number: index + 1 }));
  const chosen = options.disk === undefined ? all : all.filter(({ number }) => number === options.disk);
  if (chosen.length === 0) {
    throw new Hyper2kvmError('usage', `--disk ${options.disk} names no disk: ${options.source} has ${all.length}.`);
  }
  const { folder, file } = await outputPlace(options, chosen.length);
  const named = chosen.map(({ disk, number }) => {
    const suffix = source.container === 'image' ? '' : `-disk-${number}`;
    return {
      disk,
      path: file ?? join(folder, `${source.baseName}${suffix}.${options.format}`),
    };
  });
  const disks = await Promise.all(named.map(async (each) => ({ ...each, ...(await lookAt(each.disk)) })));
  for (const { capacityBytes } of disks) {
    const { format, clusterBytes } = options;
    requireSize(format, { virtualSizeBytes: capacityBytes, ...(clusterBytes === undefined ? {} : { clusterBytes }) });
  }
  const clash = disks.find(({ path }) => path === resolve(options.source));
  if (clash) {
    throw new Hyper2kvmError('usage', `${clash.path} would be written over its own source.`, {
      hint: 'Choose another --output.',
    });
  }
  const hasDomain = source.machine !== undefined && options.disk === undefined;
  const warnings = disks.flatMap(({ warning }) => warning ?? []);
  if (hasDomain && options.format === 'vmdk') warnings.push(NO_GUEST_RUNS_FROM_IT);
  const domainPath = hasDomain ? join(folder, `${source.baseName}.xml`) : undefined;
  return { source, folder, disks, warnings, domainPath };
}

/** `--output` is a folder when it is one, ends with a slash, or several disks go there; else it is the file itself. */
async function outputPlace(
  { output }: ConvertOptions,
  disks: number,
): Promise<{ folder: string; file: string | undefined }> {
  if (output === undefined) return { folder: resolve('.'), file: undefined };
  const path = resolve(output);
  const isFolder =
    output.endsWith('/') ||
    (await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ));
  if (isFolder || (disks > 1 && extname(path) === '')) return { folder: path, file: undefined };
  if (disks > 1) {
    throw new Hyper2kvmError('usage', `${output} is one file, and ${disks} disks are to be converted.`, {
      hint: 'Give a folder as --output, or choose one disk with --disk.',
    });
  }
  return { folder: dirname(path), file: path };
}

/** Final names that stand already; none with `force`, which replaces them. */
export async function takenNames({ disks, domainPath }: Layout, force: boolean): Promise<string[]> {
  if (force) return [];
  const paths = [...disks.map(({ path }) => path), ...(domainPath === undefined ? [] : [domainPath])];
  const found = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        () => [path],
        () => [],
      ),
    ),
  );
  return found.flat();
}

async function lookAt(disk: SourceDisk): Promise<{ capacityBytes: number; warning: string | undefined }> {
  if (disk.kind === 'stream') return { capacityBytes: disk.capacityBytes, warning: undefined };
  await using image = await disk.open();
  return { capacityBytes: image.virtualSizeBytes, warning: looksLikeNoDisk(image) };
}

/** Any bytes are a raw disk. One that a machine boots from, or that has partitions, ends its first sector with 55 AA. */
function looksLikeNoDisk({ format, files }: MappedImage): string | undefined {
  const [file] = files;
  if (format !== 'raw' || !file) return undefined;
  const signature = Buffer.alloc(2);
  readSync(file.fd, signature, 0, 2, 510);
  return signature.readUInt16BE(0) === 0x55aa
    ? undefined
    : `${file.path} is of no format that is known, and has no partitions: it is taken for a raw disk.`;
}
