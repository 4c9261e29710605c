import { Flags, type Interfaces } from '@oclif/core';
import { LOG_FLAGS } from '../../cli/log/log-flags.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { EXPORT_FORMATS } from '../../operations/export/types.ts';
import { COMPRESS_FLAG } from './compress-flag.ts';
import { DETACH_FLAG } from './detach-flag.ts';
import { DOMAIN_FLAGS } from './domain-flags.ts';
import { MODE_FLAG } from './mode-flag.ts';
import { FLEET_FLAGS } from './fleet-flags.ts';
import { NOTIFY_FLAGS } from './notify-flags.ts';
import { BOOT_TEST_FLAG, FIX_FLAGS } from './fix-flags.ts';
import { REPEAT_FLAGS } from './repeat-flags.ts';

/** Minutes that the guest gets when `--shutdown` stands alone. */
const DEFAULT_SHUTDOWN_MINUTES = '5';

export const OPTIONAL_SHUTDOWN: OptionalValue = {
  bare: DEFAULT_SHUTDOWN_MINUTES,
  accepts: (word) => /^\d+(\.\d+)?[smh]?$/i.test(word),
};

const POWER = 'RUNNING VM';
const TRANSFER = 'TRANSFER';

/** The flags of `export` besides the connection. Values with units are strings here and read by `readExportOptions`. */
export const EXPORT_FLAGS = {
  'from-file': Flags.string({
    helpValue: 'FILE',
    description:
      'File with one VM a line; lines that begin with # are comments, and - reads standard input. Each VM gets a folder of its own, even if the file names only one.',
  }),
  output: Flags.string({
    char: 'o',
    helpValue: 'DIR',
    description: 'Output folder. Default: ./<VM name>. With several VMs each gets a folder of its own in it.',
  }),
  name: Flags.string({
    helpValue: 'NAME',
    description:
      "Name of the output instead of the VM's: of its files, of its folder, and in the descriptor. For one VM only.",
  }),
  format: Flags.string({
    options: EXPORT_FORMATS,
    description:
      'What to write: ovf is a folder with descriptor, disks and manifest; ova is all of it in one tar; vmdk is the disks with their manifest; qcow2 and raw are images made while the disks arrive, with a libvirt domain. Default: what the name of --output ends with, such as .raw, else ovf.',
  }),
  compress: COMPRESS_FLAG,
  ...DOMAIN_FLAGS,
  ...FIX_FLAGS,
  'fix-plan': Flags.boolean({ default: false, hidden: true, description: 'Refused, with the way to the plan.' }),
  'boot-test': BOOT_TEST_FLAG,
  detach: DETACH_FLAG,
  force: Flags.boolean({ default: false, description: 'Replace files of the same name in the output folder.' }),
  mode: MODE_FLAG,
  'dry-run': Flags.boolean({
    default: false,
    description: 'Check everything, show what would be written, and touch nothing on the server.',
  }),

  snapshot: Flags.boolean({
    default: false,
    helpGroup: POWER,
    description: 'Export from a temporary snapshot, which is removed afterwards. The VM keeps running.',
  }),
  quiesce: Flags.boolean({
    default: false,
    helpGroup: POWER,
    description: "Ask the guest's tools to bring file systems to rest for the snapshot. Needs --snapshot.",
  }),
  'from-snapshot': Flags.string({
    helpGroup: POWER,
    helpValue: 'NAME',
    description: 'Export from this existing snapshot, which stays.',
  }),
  shutdown: Flags.string({
    helpGroup: POWER,
    helpValue: '[=TIME]',
    description: `Shut the guest down first and wait up to this time, such as 10m or 90s; a bare number is minutes. Default: ${DEFAULT_SHUTDOWN_MINUTES}m.`,
  }),
  'force-power-off': Flags.boolean({
    default: false,
    helpGroup: POWER,
    description: 'Power the VM off when the guest is not down in time. Needs --shutdown.',
  }),
  restart: Flags.boolean({
    default: false,
    helpGroup: POWER,
    description: 'Power the VM on again after the export, also after a failed one. Needs --shutdown.',
  }),

  ...REPEAT_FLAGS,
  ...FLEET_FLAGS,

  parallel: Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'N',
    default: '2',
    description: 'Disks of each VM to fetch at the same time, 1 to 16. An ova takes one at a time.',
  }),
  'limit-rate': Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'RATE',
    description: 'Limit in bytes a second over all disks, such as 50M, 800K or 1.5G (binary units).',
  }),
  'first-byte-timeout': Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'TIME',
    default: '5m',
    description:
      'Cut off and try again a disk whose first bytes take longer, such as 90s or 5m; a bare number is seconds. A host reads over empty space before it sends.',
  }),
  'stall-timeout': Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'TIME',
    default: '2m',
    description:
      'Cut off and try again a disk that has begun and then sends nothing for so long, such as 90s or 2m; a bare number is seconds.',
  }),
  retries: Flags.string({
    helpGroup: TRANSFER,
    helpValue: 'N',
    default: '5',
    description: 'Tries for each disk after the first one failed, 0 to 100.',
  }),
  ...LOG_FLAGS,
  ...NOTIFY_FLAGS,
};

export type ExportFlagValues = Interfaces.InferredFlags<typeof EXPORT_FLAGS>;
