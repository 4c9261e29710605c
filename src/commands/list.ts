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
    'Shows the inventory path, power state, guest OS and disks of every VM and template that the account can see. VMs that a vCenter extension manages, such as vCLS VMs, are marked as managed; `export` patterns skip them. Nothing is changed on the server.';

  static override examples = [
    {
      description: 'List all VMs of a vCenter (prompts for the password)',
      command: '<%= config.bin %> list --url https://vc.example.com --username administrator@vsphere.local',
    },
    {
      description: 'List the VMs whose names begin with web-, with server and account from the environment',
      command: "<%= config.bin %> list 'web-*'",
    },
    {
      description: 'Print only the names, for a script',
      command: "<%= config.bin %> list --json | jq -r '.result[].name'",
    },
  ];

  static override args = {
    glob: Args.string({
      ignoreStdin: true,
      description:
        'Show only VMs whose name or inventory path matches. * and ? are wildcards; quote the pattern to protect it from the shell.',
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
