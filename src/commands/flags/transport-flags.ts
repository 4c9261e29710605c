import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readCount } from '../../cli/input/option-values.ts';
import { TRANSPORTS, type ExportOptions } from '../../operations/export/types.ts';

const TRANSFER = 'TRANSFER';

/** Flags about the way in which disks are read. */
export const TRANSPORT_FLAGS = {
  transport: Flags.string({
    helpGroup: TRANSFER,
    options: TRANSPORTS,
    default: 'lease',
    description:
      'How disks are read: lease (the export lease, over HTTPS), nfc (random-access reads from TCP port 902 of the ESXi host: only allocated areas, several requests at a time), or auto (nfc where it is available, otherwise lease).',
  }),
  'nfc-depth': Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'N',
    default: '16',
    description: 'Number of requests in flight for each disk with --transport nfc or auto, 1 to 32.',
  }),
};

/** @throws usage errors. */
export function readTransport(
  flags: Interfaces.InferredFlags<typeof TRANSPORT_FLAGS>,
): Pick<ExportOptions, 'transport' | 'nfcDepth'> {
  const transport = TRANSPORTS.find((each) => each === flags.transport);
  if (transport === undefined) throw new Hyper2kvmError('usage', `--transport ${flags.transport} is unknown.`);
  return { transport, nfcDepth: readCount('--nfc-depth', flags['nfc-depth'], 1, 32) };
}
