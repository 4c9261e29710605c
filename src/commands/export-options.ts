import { Hyper2kvmError } from '../base/errors.ts';
import { readDuration, readMode } from '../cli/input/option-values.ts';
import { readFormat, readOutputName, readOutputPath } from '../cli/input/output-path.ts';
import { EncodeOptions } from '../operations/encode-options.ts';
import { EXPORT_FORMATS, type ExportOptions, type PowerChoice } from '../operations/export/types.ts';
import { readCompression } from './flags/compress-flag.ts';
import { readDiskChoice } from './flags/disk-flags.ts';
import { needDomain, readDomainOptions } from './flags/domain-flags.ts';
import { FIX_ONLY, readBootTestAddresses, readFixOptions } from './flags/fix-flags.ts';
import { readNotify } from './flags/notify-flags.ts';
import type { ExportFlagValues } from './flags/export-flags.ts';
import { readRepeatOptions } from './flags/repeat-flags.ts';
import { readFleetOptions } from './flags/fleet-flags.ts';
import { readTransferOptions } from './flags/transfer-flags.ts';
import { readExportAudit, readTransport } from './flags/transport-flags.ts';

/**
 * Parses the flags of `export`, including units.
 * @throws usage errors for invalid values and for incompatible flags.
 */
export function readExportOptions(
  flags: ExportFlagValues,
  env: NodeJS.ProcessEnv,
): Omit<ExportOptions, 'connection' | 'vms' | 'env'> {
  const transfer = readTransferOptions(flags);
  const output = readOutputPath(flags.output, env);
  const format = readFormat(flags.format, output, { formats: EXPORT_FORMATS, fallback: 'ovf', isFile: false });
  if (format !== 'qcow2' && format !== 'raw') refuseImageFlags(flags, format);
  if (flags['fix-plan']) throw noPlan();
  return {
    output,
    name: readOutputName(flags.name),
    disks: readDiskChoice(flags),
    encode: new EncodeOptions({ format, compression: readCompression(flags.compress, format) }),
    ...readDomainOptions(flags),
    guest: readFixOptions(flags),
    bootTest: flags['boot-test'],
    requireAddresses: readBootTestAddresses(flags),
    power: readPower(flags),
    ...transfer,
    ...readFleetOptions(flags, transfer.parallel, env),
    ...readTransport(flags),
    ...readExportAudit(flags),
    force: flags.force,
    mode: readMode('--mode', flags.mode),
    manifest: flags.manifest,
    notify: readNotify(flags),
    ...readRepeatOptions(flags),
  };
}

/** Flags for KVM images do not apply to OVF, OVA and VMDK exports. */
function refuseImageFlags(flags: ExportFlagValues, format: string): void {
  needDomain(flags, format);
  const names = ['fix', ...FIX_ONLY, 'boot-test', 'boot-test-addresses'] as const;
  const given = names.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (given === undefined) return;
  throw new Hyper2kvmError('usage', `--${given} cannot be used with --format ${format}: it applies to images only.`, {
    hint: 'Use --format qcow2 or --format raw; or export first, and use the same flag with hyper2kvm convert.',
  });
}

function noPlan(): Hyper2kvmError {
  return new Hyper2kvmError(
    'usage',
    '--fix-plan is not supported by export: it would download all disks and keep none of them.',
    {
      hint: 'Export the VM with --format ovf, and run hyper2kvm convert --fix-plan on the result.',
    },
  );
}

function readPower(flags: ExportFlagValues): PowerChoice {
  const ways = [
    flags.snapshot && '--snapshot',
    flags['from-snapshot'] !== undefined && '--from-snapshot',
    flags.shutdown !== undefined && '--shutdown',
  ].filter((way) => way !== false);
  if (ways.length > 1) {
    throw new Hyper2kvmError('usage', `${ways.join(' and ')} are mutually exclusive.`, {
      hint: 'Each of them makes the disks of a running VM consistent: choose one.',
    });
  }
  need(flags.quiesce, '--quiesce', flags.snapshot, '--snapshot');
  need(flags['force-power-off'], '--force-power-off', flags.shutdown !== undefined, '--shutdown');
  need(flags.restart, '--restart', flags.shutdown !== undefined, '--shutdown');

  if (flags.snapshot) return { kind: 'snapshot', quiesce: flags.quiesce };
  if (flags['from-snapshot'] !== undefined) return { kind: 'from-snapshot', name: flags['from-snapshot'] };
  if (flags.shutdown === undefined) return { kind: 'as-is' };
  return {
    kind: 'shutdown',
    limitMinutes: readDuration('--shutdown', flags.shutdown, { bareUnit: 'm' }) / 60_000,
    forcePowerOff: flags['force-power-off'],
    restart: flags.restart,
  };
}

function need(given: boolean, flag: string, condition: boolean, other: string): void {
  if (given && !condition) throw new Hyper2kvmError('usage', `${flag} needs ${other}.`, { hint: `Add ${other}.` });
}
