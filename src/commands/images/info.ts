import { Args, Flags } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { requireOpenFiles } from '../../base/files/open-files.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { infoReport } from '../../cli/report/info-report.ts';
import type * as DescribeSource from '../../operations/info/describe-source.ts';
import type { InspectOptions, SourceInfo } from '../../operations/info/types.ts';
import { infoDocument } from '../documents/info-document.ts';
import { KEY_FLAG, readKeys } from '../flags/fix-flags.ts';
import { INPUT_FORMAT_FLAG, readInputFormat } from '../flags/input-format-flag.ts';

/** `hyper2kvm info SOURCE` */
export class InfoCommand extends BaseCommand<SourceInfo> {
  static override summary = 'Show what an OVF, an OVA, a .vmx or a disk image contains.';
  static override description =
    'Shows the VM that the source describes (guest, CPUs, memory, firmware, NICs) and its disks with their formats and sizes, including the files of backing chains and extents. With --inspect it also shows the guest system. Nothing is converted, and without --inspect no disk content is read; a gzip-compressed OVA is read to its end to find its files.';

  static override examples = [
    { description: 'Show the VM and the disks of an OVA', command: '<%= config.bin %> info web-01.ova' },
    {
      description: 'Show the guest system too, and whether it can start on virtio',
      command: '<%= config.bin %> info web-01/web-01.ovf --inspect',
    },
    {
      description: 'Print the total capacity of the disks in bytes, for a script',
      command: `<%= config.bin %> info web-01.ovf --json | jq '[.result.disks[].virtualSizeBytes] | add'`,
    },
  ];

  static override args = {
    source: Args.string({
      required: true,
      ignoreStdin: true,
      description: 'Disk image, .ovf file, OVA, or .vmx file; detected from the content.',
    }),
  };

  static override flags = {
    'input-format': INPUT_FORMAT_FLAG,
    vm: Flags.string({
      helpValue: 'NAME',
      description: 'VM to show from an OVF package that describes several: its name, or its ID in the descriptor.',
    }),
    configuration: Flags.string({
      helpValue: 'NAME',
      description: 'Deployment configuration of the OVF package. Default: the one that the package marks as default.',
    }),
    inspect: Flags.boolean({
      default: false,
      description:
        'Read the guest system in a read-only appliance of libguestfs: system, file systems, boot loader, kernels, NICs, encryption, and whether it starts on virtio hardware as it is. Nothing is changed.',
    }),
    key: KEY_FLAG,
    root: Flags.string({
      helpValue: 'DEVICE',
      description: 'Root file system of the guest to inspect, if the disks contain several systems, such as /dev/sda2.',
    }),
  };

  protected operation(): Promise<Pick<typeof DescribeSource, 'describeSource'>> {
    return import('../../operations/info/describe-source.ts');
  }

  protected override document(result: SourceInfo): object {
    return infoDocument(result);
  }

  async run(): Promise<SourceInfo> {
    const { args, flags } = await this.parse(InfoCommand);
    this.quiet = flags.quiet;
    await requireOpenFiles();
    const { describeSource } = await this.operation();
    const info = await describeSource(
      {
        source: args.source,
        inputFormat: readInputFormat(flags['input-format']),
        vm: flags.vm,
        configuration: flags.configuration,
        inspect: readInspect(flags, this.env),
      },
      this.signal,
    );
    this.print(infoReport(info, this.look()));
    return info;
  }
}

/** @throws usage error for a flag that has no effect without --inspect. */
function readInspect(
  { inspect, key, root }: { inspect: boolean; key?: string[] | undefined; root?: string | undefined },
  env: NodeJS.ProcessEnv,
): InspectOptions | undefined {
  if (inspect) return { keys: readKeys(key), root, env };
  const given = key !== undefined ? '--key' : root !== undefined ? '--root' : undefined;
  if (given === undefined) return undefined;
  throw new Hyper2kvmError('usage', `${given} needs --inspect.`, { hint: 'Add --inspect.' });
}
