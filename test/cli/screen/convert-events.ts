import type { ScreenEvent } from '../../../src/cli/screen/export-progress.ts';
import type { ConvertPlan, ConvertResult } from '../../../src/operations/convert/types.ts';
import { GIB } from './export-events.ts';

export const SOURCE = 'web-01.ova';
export const IMAGE = 'web-01-disk-1.qcow2';

export const CONVERTED: ConvertResult = {
  source: `/mnt/vms/${SOURCE}`,
  disks: [
    {
      path: `/srv/vms/${IMAGE}`,
      format: 'qcow2',
      source: { label: 'Hard disk 1', file: 'web-01-disk1.vmdk' },
      sourceFormat: 'vmdk',
      sourceVariant: 'streamOptimized',
      virtualSizeBytes: 10 * GIB,
      sizeBytes: 3 * GIB,
      verified: 'manifest',
    },
    {
      path: '/srv/vms/web-01-disk-2.qcow2',
      format: 'qcow2',
      source: { label: 'Hard disk 2', file: 'b.img' },
      sourceFormat: 'raw',
      sourceVariant: '',
      virtualSizeBytes: GIB,
      sizeBytes: GIB,
      verified: 'read-back',
    },
  ],
  domain: '/srv/vms/web-01.xml',
  hardware: { kind: 'sata', reason: 'It was asked for.', notes: ['The TPM is new.'] },
  warnings: [],
  copySeconds: 65,
  seconds: 65,
};

export const CONVERT_PLAN: ConvertPlan = {
  source: CONVERTED.source,
  container: 'ova',
  disks: CONVERTED.disks.map(({ path, source, sourceFormat, sourceVariant, virtualSizeBytes, sizeBytes }) => ({
    path,
    source,
    sourceFormat,
    sourceVariant,
    virtualSizeBytes,
    usedBytes: sizeBytes,
    expectedBytes: sizeBytes,
    leastBytes: 0,
  })),
  domain: CONVERTED.domain,
  warnings: [],
  freeBytes: 100 * GIB,
  taken: [],
};

/** The events of a conversion of one disk, as the command and the operation report them: progress, verification, completion. */
export const OPENING: ScreenEvent[] = [
  { type: 'source-started', source: SOURCE },
  { type: 'disks', vm: 'web-01', disks: [{ disk: IMAGE, capacityBytes: 10 * GIB }] },
  { type: 'disk-started', vm: 'web-01', disk: IMAGE, capacityBytes: 10 * GIB, attempt: 1 },
];

export function covered(coveredBytes: number): ScreenEvent {
  return { type: 'disk-progress', vm: 'web-01', disk: IMAGE, receivedBytes: coveredBytes, coveredBytes };
}

export const VERIFYING: ScreenEvent = { type: 'disk-pass', vm: 'web-01', disk: IMAGE, pass: 'read-back' };

export const WHOLE: ScreenEvent = {
  type: 'disk-complete',
  vm: 'web-01',
  disk: IMAGE,
  sizeBytes: 3 * GIB,
  sha256: '',
  seconds: 65,
};

export const FINISHED: ScreenEvent = { type: 'source-finished', source: SOURCE, result: CONVERTED };
