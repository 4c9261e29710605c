import { Args } from '@oclif/core';
import { ConnectedCommand } from '../cli/connected-command.ts';
import { vmListReport } from '../cli/report/vm-list-report.ts';
import type * as ListVms from '../operations/list-vms.ts';
import type { ListedVm } from '../operations/list-types.ts';
import { listDocument } from './documents/status-document.ts';

/** `hyper2kvm list [GLOB]` */
export class ListCommand extends ConnectedCommand<ListedVm[]> {
  static override summary = 'List the VMs of a vCenter or ESXi host.';
  static override description =
    'Shows inventory path, power state, guest and disks of every VM and template that the account may see. A VM that an extension of vCenter made for itself, such as a vCLS VM, is marked as managed: patterns of `export` skip it. Changes nothing.';

  static override examples = [
    {
      description: 'All VMs of a vCenter; the password is asked for',
      command: '<%= config.bin %> list --url https://vc.example.com --username administrator@vsphere.local',
    },
    {
      description: 'The VMs whose name begins with web-, with the server and account from the environment',
      command: "<%= config.bin %> list 'web-*'",
    },
    {
      description: 'The names alone, for a script',
      command: "<%= config.bin %> list --json | jq -r '.result[].name'",
    },
  ];

  static override args = {
    glob: Args.string({
      ignoreStdin: true,
      description: 'Only VMs whose name or inventory path matches; * and ? are wildcards. Quote it against the shell.',
    }),
  };

  protected operation(): Promise<typeof ListVms> {
    return import('../operations/list-vms.ts');
  }

  protected override document(result: ListedVm[]): object {
    return listDocument(result);
  }

  async run(): Promise<ListedVm[]> {
    const { args, flags } = await this.parse(ListCommand);
    this.quiet = flags.quiet;
    const connection = await this.connection(flags, { askNow: true });
    const { listVms } = await this.operation();
    const vms = await listVms(
      { connection, glob: args.glob, env: this.env },
      { signal: this.signal, report: ({ message }) => this.addWarning(message) },
    );
    this.print(vmListReport(vms, this.tableWidth()));
    return vms;
  }
}
