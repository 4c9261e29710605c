import { Flags, type Interfaces } from '@oclif/core';
import { readCount, readDuration, readRate } from '../../cli/input/option-values.ts';
import type { ExportOptions } from '../../operations/export/types.ts';

const TRANSFER = 'TRANSFER';

/** Flags about how the disks of VMs are downloaded. */
export const TRANSFER_FLAGS = {
  'parallel-disks': Flags.string({
    aliases: ['parallel'],
    helpGroup: TRANSFER,
    helpValue: 'N',
    default: '2',
    description: 'Number of disks per VM to download at the same time, 1 to 16. An ova is written one disk at a time.',
  }),
  'limit-rate': Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'RATE',
    description:
      'Limit the download rate of all disks together, in bytes per second, such as 50M, 800K or 1.5G (binary units).',
  }),
  'first-byte-timeout': Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'TIME',
    default: '5m',
    description:
      'Retry a disk whose first bytes take longer than TIME, such as 90s or 5m. A host reads through empty space before it sends data.',
  }),
  'stall-timeout': Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'TIME',
    default: '2m',
    description: 'Retry a disk whose download has started and then receives nothing for TIME, such as 90s or 2m.',
  }),
  retries: Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'N',
    default: '5',
    description: 'Number of retries per disk after a failed attempt, 0 to 100.',
  }),
};

type TransferFlagValues = Interfaces.InferredFlags<typeof TRANSFER_FLAGS>;

/**
 * Parses the flags of a download.
 * @throws usage errors.
 */
export function readTransferOptions(
  flags: TransferFlagValues,
): Pick<ExportOptions, 'parallel' | 'limitRateBytes' | 'firstByteTimeoutMs' | 'stallTimeoutMs' | 'retries'> {
  const rate = flags['limit-rate'];
  return {
    parallel: readCount('--parallel-disks', flags['parallel-disks'], 1, 16),
    limitRateBytes: rate === undefined ? undefined : readRate('--limit-rate', rate),
    firstByteTimeoutMs: readDuration('--first-byte-timeout', flags['first-byte-timeout']),
    stallTimeoutMs: readDuration('--stall-timeout', flags['stall-timeout']),
    retries: readCount('--retries', flags.retries, 0, 100),
  };
}
