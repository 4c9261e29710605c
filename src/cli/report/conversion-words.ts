import { dirname } from 'node:path';
import { safeText } from '../text/safe-text.ts';
import type { ConvertedDisk, ConvertResult } from '../../operations/convert/types.ts';

/** What a source can be, in words. */
export const CONTAINERS: Readonly<Record<string, string>> = {
  image: 'a disk image',
  vmx: 'a VMware VM',
  folder: 'an OVF package',
  ova: 'an OVA',
  'gzip-ova': 'an OVA compressed with gzip',
};

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

/** A line for each disk of the source that was not selected. */
export function leftOutLines(leftOut: ConvertResult['leftOut']): string[] {
  return (leftOut ?? []).map((source) => `Not selected: ${safeText(originWords({ source }))}`);
}

/** The folder that contains all results of a conversion. */
export function folderOf([first]: readonly { path: string }[]): string {
  return dirname(first?.path ?? '.');
}
