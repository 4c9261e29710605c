import { formatBytes } from '../../../base/text/amounts.ts';
import type { LeftOutDisk } from '../../../operations/export/types.ts';
import { safeText } from '../../text/safe-text.ts';

/** A line for each disk of the VM that was not selected. */
export function leftOutLines(leftOut: readonly LeftOutDisk[] = []): string[] {
  return leftOut.map((disk) => safeText(`Not selected: disk ${leftOutWords(disk)}`));
}

export function leftOutWords({ number, label, datastoreFile, capacityBytes }: LeftOutDisk): string {
  return `${number}, ${label}, ${datastoreFile}, ${formatBytes(capacityBytes)}`;
}
