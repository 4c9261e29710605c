import type { SinkFormat } from '../../../image/model/encoding.ts';
import { descriptionName } from '../../domain/make-domain.ts';
import type { ExportFormat } from '../types.ts';

interface FormatFacts {
  diskExtension: string;
  /** What says how the machine is made up: the server's OVF descriptor, our own libvirt domain, or nothing. */
  description: 'ovf' | 'domain' | undefined;
  /** Disks become images for KVM while they come in. */
  image: SinkFormat | undefined;
}

export const FORMATS: Record<ExportFormat, FormatFacts> = {
  ovf: { diskExtension: 'vmdk', description: 'ovf', image: undefined },
  ova: { diskExtension: 'vmdk', description: 'ovf', image: undefined },
  vmdk: { diskExtension: 'vmdk', description: undefined, image: undefined },
  qcow2: { diskExtension: 'qcow2', description: 'domain', image: 'qcow2' },
  raw: { diskExtension: 'raw', description: 'domain', image: 'raw' },
};

/** `web-disk-1.vmdk` for the first disk. */
export function diskFileName(baseName: string, index: number, format: ExportFormat): string {
  return `${baseName}-disk-${index + 1}.${FORMATS[format].diskExtension}`;
}

/** The final names that are known before the lease. Whether it offers the NVRAM that the VM has (`hasNvram`) only the lease tells: hosts before 6.7 do not. */
export function finalNames(
  format: ExportFormat,
  { baseName, disks, hasNvram }: { baseName: string; disks: readonly string[]; hasNvram: boolean },
  kubevirt?: boolean,
): string[] {
  if (format === 'ova') return [`${baseName}.ova`];
  const members = hasNvram ? [...disks, `${baseName}.nvram`] : disks;
  if (FORMATS[format].image) return [...members, descriptionName(baseName, kubevirt)];
  return [...(format === 'ovf' ? [`${baseName}.ovf`] : []), ...members, `${baseName}.mf`];
}
