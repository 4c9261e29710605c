import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readChoice, readMode } from '../../cli/input/option-values.ts';
import { readOutputPath } from '../../cli/input/output-path.ts';
import { LOG_FLAGS } from '../../cli/log/log-flags.ts';
import { REPORT_FLAGS } from '../../cli/run-report/report-flags.ts';
import { PROGRESS_FLAGS } from '../../cli/progress/progress-flags.ts';
import { TRANSPORTS } from '../../operations/export/types.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { REPLICA_FORMATS, type GuestOptions, type SyncOptions } from '../../operations/sync/types.ts';
import { DOMAIN_FLAGS, readDomainOptions } from './domain-flags.ts';
import { EXPORT_FLAGS } from './export-flags.ts';
import { FIX_FLAGS, readFixOptions } from './fix-flags.ts';
import { readJobs } from './fleet-flags.ts';
import { MODE_FLAG } from './file-flags.ts';
import { NOTIFY_FLAGS, readNotify } from './notify-flags.ts';
import { readTransferOptions, TRANSFER_FLAGS } from './transfer-flags.ts';
import { readTransport, TRANSPORT_FLAGS } from './transport-flags.ts';

const AUDIT_TRANSPORTS = ['lease', 'nfc'] as const;

export const OPTIONAL_AUDIT: OptionalValue = {
  bare: 'lease',
  accepts: (word) => AUDIT_TRANSPORTS.some((transport) => transport === word),
};

const REHEARSAL = 'REHEARSAL';

/**
 * The flags for the guest and its domain. They are accepted without `--rehearse`, because a profile has them for all
 * rounds.
 */
const REHEARSAL_FLAGS = {
  fix: ofRehearsal(FIX_FLAGS.fix),
  key: ofRehearsal(FIX_FLAGS.key),
  root: ofRehearsal(FIX_FLAGS.root),
  'remove-vmware-tools': ofRehearsal(FIX_FLAGS['remove-vmware-tools']),
  'virtio-win': ofRehearsal(FIX_FLAGS['virtio-win']),
  hardware: ofRehearsal(DOMAIN_FLAGS.hardware),
  network: ofRehearsal(DOMAIN_FLAGS.network),
};

/** The flags of `sync`, except the connection flags. A flag that `export` has too means the same. */
export const SYNC_FLAGS = {
  'from-file': EXPORT_FLAGS['from-file'],
  output: Flags.string({
    char: 'o',
    helpValue: 'DIR',
    description: 'Folder of the replicas. Each VM has a folder in it, with the name of the VM.',
  }),
  format: Flags.option({
    options: REPLICA_FORMATS,
    default: 'qcow2' as const,
    description: 'Format of a new replica: qcow2 or raw. It cannot be changed later.',
  })(),
  quiesce: Flags.boolean({
    default: false,
    description: 'Quiesce the guest file systems for the snapshot, through VMware Tools.',
  }),
  'no-cbt': Flags.boolean({
    default: false,
    description: 'Read everything in each round, and do not use changed block tracking (CBT).',
  }),
  audit: Flags.string({
    helpValue: '[=TRANSPORT]',
    description:
      'Read everything, compare it with the replica, and repair what differs. TRANSPORT is lease (default) or nfc. The exit code is 13 if something differed that the server had not reported as changed.',
  }),
  rehearse: Flags.boolean({
    default: false,
    helpGroup: REHEARSAL,
    description:
      'After the round, prepare the guest for KVM and boot it in QEMU, in temporary overlays over the replica, while the VM runs. The replica does not change. The exit code is 16 if the guest cannot be prepared, or it or its network does not come up. The other flags of this group have an effect only with this one.',
  }),
  ...REHEARSAL_FLAGS,
  mode: MODE_FLAG,
  'parallel-vms': Flags.string({
    helpGroup: 'MANY VMS',
    helpValue: 'N',
    default: '1',
    description:
      'Number of VMs to replicate at the same time, 1 to 16. All VMs share one session and one --limit-rate.',
  }),
  ...TRANSFER_FLAGS,
  ...PROGRESS_FLAGS,
  transport: Flags.string({
    helpGroup: 'TRANSFER',
    options: TRANSPORTS,
    default: 'auto',
    description:
      'How disks are read: nfc (random-access reads from TCP port 902 of the ESXi host, which can read changed areas only), lease (the export lease, which always sends complete disks), or auto (nfc where it is available, otherwise lease).',
  }),
  'nfc-depth': TRANSPORT_FLAGS['nfc-depth'],
  ...LOG_FLAGS,
  ...REPORT_FLAGS,
  ...NOTIFY_FLAGS,
};

type SyncFlagValues = Interfaces.InferredFlags<typeof SYNC_FLAGS>;

/**
 * Parses the flags of `sync`.
 * @throws usage errors.
 */
export function readSyncOptions(
  flags: SyncFlagValues,
  env: NodeJS.ProcessEnv,
): Omit<SyncOptions, 'connection' | 'vms' | 'env'> {
  const output = readOutputPath(flags.output, env);
  if (output === undefined) {
    throw new Hyper2kvmError('usage', '--output is missing.', { hint: 'Name the folder of the replicas.' });
  }
  const transfer = readTransferOptions(flags);
  const rehearsal = readRehearsal(flags);
  return {
    output,
    isList: flags['from-file'] !== undefined,
    format: flags.format,
    quiesce: flags.quiesce,
    tracking: !flags['no-cbt'],
    audit: readAudit(flags.audit),
    ...(flags.rehearse && { rehearsal }),
    ...readTransport(flags),
    mode: readMode('--mode', flags.mode),
    ...transfer,
    jobs: readJobs(flags['parallel-vms'], transfer.parallel),
    notify: readNotify(flags),
  };
}

/** @throws usage error for an unknown transport. */
export function readAudit(text: string | undefined): SyncOptions['audit'] {
  return text === undefined ? undefined : readChoice('--audit', text, AUDIT_TRANSPORTS);
}

function readRehearsal(flags: SyncFlagValues): GuestOptions {
  const guest = readFixOptions({ ...flags, 'fix-plan': false, 'serial-console': false, 'no-system': false });
  const none = { bridge: undefined, mac: undefined, define: undefined, kubevirt: false, 'boot-test': true };
  const { hardware, networks } = readDomainOptions({ ...flags, ...none });
  return { guest, hardware, networks };
}

function ofRehearsal<Flag extends object>(flag: Flag): Flag {
  return { ...flag, helpGroup: REHEARSAL };
}
