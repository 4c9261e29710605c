import { dirname } from 'node:path';
import type { ConvertedDisk } from '../../operations/convert/types.ts';

/** `vmdk streamOptimized`, or the format alone. */
export function sourceWords({
  sourceFormat,
  sourceVariant,
}: Pick<ConvertedDisk, 'sourceFormat' | 'sourceVariant'>): string {
  return [sourceFormat, sourceVariant].filter(Boolean).join(' ');
}

/** The folder that all results of a conversion go to. */
export function folderOf([first]: readonly { path: string }[]): string {
  return dirname(first?.path ?? '.');
}
