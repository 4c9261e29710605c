import { dirname } from 'node:path';
import type { ConvertedDisk } from '../../operations/convert/types.ts';

/** `vmdk streamOptimized`, or the format alone; `empty` for a disk without a file. */
export function sourceWords({
  source,
  sourceFormat,
  sourceVariant,
}: Pick<ConvertedDisk, 'source' | 'sourceFormat' | 'sourceVariant'>): string {
  if (source.file === null) return 'empty';
  return [sourceFormat, sourceVariant].filter(Boolean).join(' ');
}

/** `Hard disk 1: web-disk1.vmdk`: which disk of the source it is. */
export function originWords({ source: { label, file } }: Pick<ConvertedDisk, 'source'>): string {
  return [label, file].filter((word) => word !== null).join(': ');
}

/** The folder that all results of a conversion go to. */
export function folderOf([first]: readonly { path: string }[]): string {
  return dirname(first?.path ?? '.');
}
