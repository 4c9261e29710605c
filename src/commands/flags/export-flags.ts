import { Flags, type Interfaces } from '@oclif/core';
import { LOG_FLAGS } from '../../cli/log/log-flags.ts';
import { PROGRESS_FLAGS } from '../../cli/progress/progress-flags.ts';
import { REPORT_FLAGS } from '../../cli/run-report/report-flags.ts';
import type { OptionalValue } from '../../cli/input/optional-values.ts';
import { EXPORT_FORMATS } from '../../operations/export/types.ts';
import { COMPRESS_FLAG } from './compress-flag.ts';
import { DISK_FLAGS } from './disk-flags.ts';
import { DETACH_FLAG } from './detach-flag.ts';
import { DOMAIN_FLAGS } from './domain-flags.ts';
import { MANIFEST_FLAG, MODE_FLAG } from './file-flags.ts';
import { FLEET_FLAGS } from './fleet-flags.ts';
import { NOTIFY_FLAGS } from './notify-flags.ts';
import { BOOT_TEST_ADDRESSES_FLAG, BOOT_TEST_FLAG, FIX_FLAGS } from './fix-flags.ts';
import { REPEAT_FLAGS } from './repeat-flags.ts';
import { TRANSFER_FLAGS } from './transfer-flags.ts';
import { TRANSPORT_FLAGS } from './transport-flags.ts';

/** Minutes for the guest with `--shutdown` without a value. */
const DEFAULT_SHUTDOWN_MINUTES = '5';

export const OPTIONAL_SHUTDOWN: OptionalValue = {
  bare: DEFAULT_SHUTDOWN_MINUTES,
  accepts: (word) => /^(\d+(\.\d+)?[smh]?)+$/i.test(word),
};

const POWER = 'RUNNING VM';

/** The flags of `export`, except the connection flags. Values with units are strings here; `readExportOptions` parses them. */
export const EXPORT_FLAGS = {
  'from-file': Flags.string({
    helpValue: 'FILE',
    description:
      'File with one VM per line; lines that begin with # are comments, and - reads standard input. Each VM gets its own folder, even if the file contains only one.',
  }),
  output: Flags.string({
    char: 'o',
    helpValue: 'DIR',
    description: 'Output folder. Default: ./<VM name>. With several VMs, each gets its own subfolder.',
  }),
  name: Flags.string({
    helpValue: 'NAME',
    description:
      'Name of the output files, of the folder, and of the VM in the descriptor. Default: the name of the VM. For one VM only.',
  }),
  format: Flags.string({
    options: EXPORT_FORMATS,
    description:
      'Output format: ovf (a folder with descriptor, disks and manifest), ova (the same in one tar file), vmdk (disks and manifest only), qcow2 or raw (images converted during the download, with a libvirt domain). Default: the extension of --output, such as .raw, otherwise ovf.',
  }),
  ...DISK_FLAGS,
  compress: COMPRESS_FLAG,
  ...DOMAIN_FLAGS,
  ...FIX_FLAGS,
  'fix-plan': Flags.boolean({
    default: false,
    hidden: true,
    description: 'Not supported by export. Use convert --fix-plan.',
  }),
  'boot-test': BOOT_TEST_FLAG,
  'boot-test-addresses': BOOT_TEST_ADDRESSES_FLAG,
  detach: DETACH_FLAG,
  force: Flags.boolean({ char: 'f', default: false, description: 'Overwrite existing files in the output folder.' }),
  mode: MODE_FLAG,
  manifest: MANIFEST_FLAG,
  'dry-run': Flags.boolean({
    default: false,
    description: 'Check everything and show what would be written, without changing anything on the server.',
  }),

  snapshot: Flags.boolean({
    default: false,
    helpGroup: POWER,
    description: 'Export from a temporary snapshot, which is removed afterwards. The VM keeps running.',
  }),
  quiesce: Flags.boolean({
    default: false,
    helpGroup: POWER,
    description: 'Quiesce the guest file systems for the snapshot, through VMware Tools. Needs --snapshot.',
  }),
  'from-snapshot': Flags.string({
    helpGroup: POWER,
    helpValue: 'NAME',
    description: 'Export from this existing snapshot, which is kept.',
  }),
  shutdown: Flags.string({
    helpGroup: POWER,
    helpValue: '[=TIME]',
    description: `Shut down the guest first, and wait up to TIME for it, such as 10m or 90s. Default: ${DEFAULT_SHUTDOWN_MINUTES}m.`,
  }),
  'force-power-off': Flags.boolean({
    default: false,
    helpGroup: POWER,
    description: 'Power off the VM if the guest has not shut down in time. Needs --shutdown.',
  }),
  restart: Flags.boolean({
    default: false,
    helpGroup: POWER,
    description: 'Power on the VM after the export, even if the export failed. Needs --shutdown.',
  }),

  ...REPEAT_FLAGS,
  ...FLEET_FLAGS,

  ...TRANSFER_FLAGS,
  ...TRANSPORT_FLAGS,
  ...PROGRESS_FLAGS,
  ...LOG_FLAGS,
  ...REPORT_FLAGS,
  ...NOTIFY_FLAGS,
};

export type ExportFlagValues = Interfaces.InferredFlags<typeof EXPORT_FLAGS>;
