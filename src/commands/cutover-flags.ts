import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { readDuration, readMode } from '../cli/input/option-values.ts';
import { readOutputPath } from '../cli/input/output-path.ts';
import { LOG_FLAGS } from '../cli/log/log-flags.ts';
import { PROGRESS_FLAGS } from '../cli/progress/progress-flags.ts';
import type { CutoverOptions, RollbackOptions } from '../operations/cutover/types.ts';
import { DOMAIN_FLAGS, readDomainOptions } from './flags/domain-flags.ts';
import { BOOT_TEST_FLAG, FIX_FLAGS, readFixOptions } from './flags/fix-flags.ts';
import { MODE_FLAG } from './flags/file-flags.ts';
import { NOTIFY_FLAGS, readNotify } from './flags/notify-flags.ts';
import { readAudit, SYNC_FLAGS } from './flags/sync-flags.ts';
import { readTransferOptions, TRANSFER_FLAGS } from './flags/transfer-flags.ts';
import { readTransport } from './flags/transport-flags.ts';

const DOWNTIME = 'DOWNTIME';
const ROLLBACK = 'ROLLBACK';

/** The flags of `cutover`, except the connection flags. A flag that `sync` or `export` has too means the same. */
export const CUTOVER_FLAGS = {
  output: Flags.string({
    char: 'o',
    helpValue: 'DIR',
    description: 'Folder of the replicas, as for sync.',
  }),
  define: DOMAIN_FLAGS.define,
  start: Flags.boolean({
    default: false,
    description:
      'Start the domain, and wait for a sign of life: an answer of the guest agent, or a packet that the guest sends. Needs --define.',
  }),
  'start-timeout': Flags.string({
    helpValue: 'TIME',
    default: '10m',
    description: 'Wait up to TIME for the sign of life, such as 90s or 10m. Without one, the cutover is rolled back.',
  }),
  hardware: DOMAIN_FLAGS.hardware,
  network: DOMAIN_FLAGS.network,
  bridge: DOMAIN_FLAGS.bridge,
  mac: DOMAIN_FLAGS.mac,
  fix: FIX_FLAGS.fix,
  key: FIX_FLAGS.key,
  root: FIX_FLAGS.root,
  'remove-vmware-tools': FIX_FLAGS['remove-vmware-tools'],
  'serial-console': FIX_FLAGS['serial-console'],
  'no-system': FIX_FLAGS['no-system'],
  'virtio-win': FIX_FLAGS['virtio-win'],
  'boot-test': Flags.boolean({
    ...BOOT_TEST_FLAG,
    description:
      'Boot the prepared guest in QEMU before its changes become part of the replica. This adds to the downtime.',
  }),
  'no-rehearsal': Flags.boolean({
    default: false,
    description: 'Do not require that the last rehearsal (sync --rehearse) was good.',
  }),
  'max-age': Flags.string({
    helpValue: 'TIME',
    default: '24h',
    description: 'Refuse a replica that is older than TIME, such as 90m or 24h.',
  }),
  'max-downtime': Flags.string({
    helpGroup: DOWNTIME,
    helpValue: 'TIME',
    description:
      'Run rounds until the forecast of the downtime is at most TIME, such as 90s or 2m. If more rounds do not make it shorter, the cutover is refused, and the VM keeps running. Without this flag, one round is run before the shutdown.',
  }),
  'shutdown-timeout': Flags.string({
    helpGroup: DOWNTIME,
    helpValue: 'TIME',
    default: '5m',
    description: 'Wait up to TIME for the guest to shut down, such as 90s or 5m.',
  }),
  'force-power-off': Flags.boolean({
    default: false,
    helpGroup: DOWNTIME,
    description: 'Power off the VM if the guest has not shut down in time, or cannot be shut down.',
  }),
  audit: Flags.string({
    helpGroup: DOWNTIME,
    helpValue: '[=TRANSPORT]',
    description:
      'After the final round, read everything again, compare it with the replica, and repair what differs. TRANSPORT is lease (default) or nfc. This adds the time of a complete read to the downtime.',
  }),
  'keep-off': Flags.boolean({
    default: false,
    helpGroup: ROLLBACK,
    description: 'After a failure, leave the source powered off. By default, it is powered on again.',
  }),
  rollback: Flags.boolean({
    default: false,
    helpGroup: ROLLBACK,
    description:
      'Give the VM back: stop and undefine the domain here, power the source on again, and let sync continue with the replica.',
  }),
  force: Flags.boolean({
    char: 'f',
    default: false,
    helpGroup: ROLLBACK,
    description: 'With --rollback: also after a finished cutover. Everything that the guest wrote here is lost.',
  }),
  'lock-timeout': Flags.string({
    helpValue: 'TIME',
    default: '1h',
    description: 'Wait up to TIME for a round of sync that is running, such as 30s or 1h.',
  }),
  'no-cbt': SYNC_FLAGS['no-cbt'],
  mode: MODE_FLAG,
  ...TRANSFER_FLAGS,
  ...PROGRESS_FLAGS,
  transport: SYNC_FLAGS.transport,
  'nfc-depth': SYNC_FLAGS['nfc-depth'],
  ...LOG_FLAGS,
  ...NOTIFY_FLAGS,
};

type CutoverFlagValues = Interfaces.InferredFlags<typeof CUTOVER_FLAGS>;

type Chosen<Options> = Omit<Options, 'connection' | 'vm' | 'env'>;

/**
 * Parses the flags of `cutover`.
 * @throws usage errors.
 */
export function readCutoverOptions(flags: CutoverFlagValues, env: NodeJS.ProcessEnv): Chosen<CutoverOptions> {
  if (flags.force) throw needs('--force', '--rollback');
  const { define, hardware, networks } = readDomainOptions({ ...flags, kubevirt: false });
  if (flags.start && define === undefined) throw needs('--start', '--define');
  const downtime = flags['max-downtime'];
  return {
    output: readOutput(flags, env),
    define,
    hardware,
    networks,
    start: flags.start,
    startLimitMs: readDuration('--start-timeout', flags['start-timeout']),
    guest: readFixOptions({ ...flags, 'fix-plan': false }),
    bootTest: flags['boot-test'],
    needsRehearsal: !flags['no-rehearsal'],
    maxAgeMs: readDuration('--max-age', flags['max-age']),
    maxDowntimeSeconds: downtime === undefined ? undefined : readDuration('--max-downtime', downtime) / 1000,
    ...readWaits(flags),
    forcePowerOff: flags['force-power-off'],
    audit: readAudit(flags.audit),
    keepOff: flags['keep-off'],
    tracking: !flags['no-cbt'],
    mode: readMode('--mode', flags.mode),
    ...readTransferOptions(flags),
    ...readTransport(flags),
  };
}

/**
 * Parses the flags of `cutover --rollback`. Those of a cutover have no effect.
 * @throws usage errors.
 */
export function readRollbackOptions(flags: CutoverFlagValues, env: NodeJS.ProcessEnv): Chosen<RollbackOptions> {
  return { output: readOutput(flags, env), ...readWaits(flags), force: flags.force };
}

function readWaits(flags: CutoverFlagValues): Pick<CutoverOptions, 'shutdownLimitMs' | 'roundLimitMs' | 'notify'> {
  return {
    shutdownLimitMs: readDuration('--shutdown-timeout', flags['shutdown-timeout']),
    roundLimitMs: readDuration('--lock-timeout', flags['lock-timeout']),
    notify: readNotify(flags),
  };
}

function readOutput(flags: CutoverFlagValues, env: NodeJS.ProcessEnv): string {
  const output = readOutputPath(flags.output, env);
  if (output !== undefined) return output;
  throw new Hyper2kvmError('usage', '--output is missing.', { hint: 'Name the folder of the replicas.' });
}

function needs(flag: string, other: string): Hyper2kvmError {
  return new Hyper2kvmError('usage', `${flag} needs ${other}.`, { hint: `Add ${other}.` });
}
