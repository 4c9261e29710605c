import type { SinkFormat } from '../../../image/model/encoding.ts';
import { descriptionName } from '../../domain/make-domain.ts';
import { manifestName } from '../../image-manifest.ts';
import type { ExportFormat, ExportOptions } from '../types.ts';

interface FormatFacts {
  diskExtension: string;
  /** How the VM is described: the server's OVF descriptor, a libvirt domain from this program, or nothing. */
  description: 'ovf' | 'domain' | undefined;
  /** Disks are converted to images for KVM during the download. */
  image: SinkFormat | undefined;
}

export const FORMATS: Record<ExportFormat, FormatFacts> = {
  ovf: { diskExtension: 'vmdk', description: 'ovf', image: undefined },
  ova: { diskExtension: 'vmdk', description: 'ovf', image: undefined },
  vmdk: { diskExtension: 'vmdk', description: undefined, image: undefined },
  qcow2: { diskExtension: 'qcow2', description: 'domain', image: 'qcow2' },
  raw: { diskExtension: 'raw', description: 'domain', image: 'raw' },
};

/** For the first disk: `web-disk-1.vmdk`. `number` is the number of the disk in hardware order, from 1. */
export function diskFileName(baseName: string, number: number, format: ExportFormat): string {
  return `${baseName}-disk-${number}.${FORMATS[format].diskExtension}`;
}

/**
 * The final file names that are known before the lease. Only the lease shows whether the server offers the NVRAM of a
 * VM that has one (`hasNvram`): hosts before 6.7 do not.
 */
export function finalNames(
  format: ExportFormat,
  { baseName, disks, hasNvram }: { baseName: string; disks: readonly string[]; hasNvram: boolean },
  { kubevirt, manifest }: Pick<ExportOptions, 'kubevirt' | 'manifest'>,
): string[] {
  if (format === 'ova') return [`${baseName}.ova`];
  const members = hasNvram ? [...disks, `${baseName}.nvram`] : disks;
  const listing = manifestName(baseName);
  if (FORMATS[format].image) {
    return [...members, ...(manifest === true ? [listing] : []), descriptionName(baseName, kubevirt)];
  }
  return [...(format === 'ovf' ? [`${baseName}.ovf`] : []), ...members, listing];
}
