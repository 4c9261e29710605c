import { dirname } from 'node:path';
import type { ConvertedDisk } from '../../operations/convert/types.ts';

/** `vmdk streamOptimized`, or only the format; `empty` for a disk without a file. */
export function sourceWords({
  source,
  sourceFormat,
  sourceVariant,
}: Pick<ConvertedDisk, 'source' | 'sourceFormat' | 'sourceVariant'>): string {
  if (source.file === null) return 'empty';
  return [sourceFormat, sourceVariant].filter(Boolean).join(' ');
}

/** `Hard disk 1: web-disk1.vmdk`: identifies the disk of the source. */
export function originWords({ source: { label, file } }: Pick<ConvertedDisk, 'source'>): string {
  return [label, file].filter((word) => word !== null).join(': ');
}

/** The folder that contains all results of a conversion. */
export function folderOf([first]: readonly { path: string }[]): string {
  return dirname(first?.path ?? '.');
}
