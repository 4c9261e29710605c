import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readChoice, readCount } from '../../cli/input/option-values.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { TRANSPORTS, type ExportOptions } from '../../operations/export/types.ts';

const TRANSFER = 'TRANSFER';

export const OPTIONAL_EXPORT_AUDIT: OptionalValue = { bare: 'lease', accepts: (word) => word === 'lease' };

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
  audit: Flags.string({
    helpGroup: TRANSFER,
    helpValue: '[=lease]',
    description:
      'With --transport nfc or auto: download all disks once more through the export lease, and compare the content with the written files. If something differs, nothing is kept, and the exit code is 13.',
  }),
};

/** @throws usage errors. */
export function readExportAudit(flags: Interfaces.InferredFlags<typeof TRANSPORT_FLAGS>): Pick<ExportOptions, 'audit'> {
  if (flags.audit === undefined) return {};
  const audit = readChoice('--audit', flags.audit, ['lease'] as const);
  if (flags.transport !== 'lease') return { audit };
  throw new Hyper2kvmError('usage', '--audit needs --transport nfc or auto.', {
    hint: 'With --transport lease, the server proves each disk by its SHA-256 already.',
  });
}

/** @throws usage errors. */
export function readTransport(
  flags: Pick<Interfaces.InferredFlags<typeof TRANSPORT_FLAGS>, 'transport' | 'nfc-depth'>,
): Pick<ExportOptions, 'transport' | 'nfcDepth'> {
  const transport = TRANSPORTS.find((each) => each === flags.transport);
  if (transport === undefined) throw new Hyper2kvmError('usage', `--transport ${flags.transport} is unknown.`);
  return { transport, nfcDepth: readCount('--nfc-depth', flags['nfc-depth'], 1, 32) };
}
