import { stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { openSource, type ConvertSource, type SourceDisk } from './convert-source.ts';
import type { ConvertOptions } from './types.ts';

/** Where everything goes: decided before the first byte. */
export interface Layout {
  source: ConvertSource;
  folder: string;
  disks: { disk: SourceDisk; path: string; capacityBytes: number }[];
  domainPath: string | undefined;
}

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
  const disks = await Promise.all(named.map(async (each) => ({ ...each, capacityBytes: await capacityOf(each.disk) })));
  const clash = disks.find(({ path }) => path === resolve(options.source));
  if (clash) {
    throw new Hyper2kvmError('usage', `${clash.path} would be written over its own source.`, {
      hint: 'Choose another --output.',
    });
  }
  const hasDomain = source.machine !== undefined && options.disk === undefined;
  return { source, folder, disks, domainPath: hasDomain ? join(folder, `${source.baseName}.xml`) : undefined };
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

async function capacityOf(disk: SourceDisk): Promise<number> {
  if (disk.kind === 'stream') return disk.capacityBytes;
  await using image = await disk.open();
  return image.virtualSizeBytes;
}
