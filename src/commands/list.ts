import { Args, Flags } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { readChoice } from '../cli/input/option-values.ts';
import { COLUMN_NAMES, type ColumnName } from '../cli/report/inventory-columns.ts';
import { inventoryCsv, inventoryReport, sortedBy } from '../cli/report/inventory-report.ts';
import { requireStandardOutput } from '../cli/standard-output.ts';
import type * as ListVms from '../operations/list/list-vms.ts';
import type { ListedVm } from '../operations/list/list-types.ts';
import { listDocument } from './documents/status-document.ts';
import { AskingCommand } from './questions/asking-command.ts';

/** `hyper2kvm list [GLOB]` */
export class ListCommand extends AskingCommand<ListedVm[]> {
  static override summary = 'List the VMs of a vCenter or ESXi host.';
  static override description =
    'Shows the inventory path, power state, guest OS, disks, used space, datastores and host of every VM and template that the account can see, and the totals. VMs that a vCenter extension manages, such as vCLS VMs, are marked as managed; `export` patterns skip them. Nothing is changed on the server.';

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
      description: 'Plan a migration: whether each VM can be exported, the largest first',
      command: '<%= config.bin %> list --check --sort used',
    },
    {
      description: 'Write the running VMs to a spreadsheet',
      command: '<%= config.bin %> list --powered-on --csv > inventory.csv',
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

  static override flags = {
    check: Flags.boolean({
      default: false,
      description:
        'Also check whether each VM can be exported, as export --dry-run does, and show what prevents it. A VM that is not powered off counts as exportable with a snapshot.',
    }),
    sort: Flags.string({
      helpValue: 'COLUMN',
      description: 'Sort by this column instead of by path: names in alphabetical order, the largest amounts first.',
    }),
    'powered-on': Flags.boolean({
      default: false,
      exclusive: ['powered-off'],
      description: 'List only VMs that are powered on.',
    }),
    'powered-off': Flags.boolean({
      default: false,
      exclusive: ['powered-on'],
      description: 'List only VMs that are powered off, without templates.',
    }),
    columns: Flags.string({
      helpValue: 'COLUMN,...',
      description: `Show only these columns, in this order: ${COLUMN_NAMES.join(', ')}.`,
    }),
    csv: Flags.boolean({
      default: false,
      exclusive: ['json'],
      description:
        'Print CSV with a header line and sizes in bytes, without totals. A cell that a spreadsheet would run as a formula begins with an apostrophe. Contains all columns unless --columns selects some.',
    }),
  };

  protected operation(): Promise<typeof ListVms> {
    return import('../operations/list/list-vms.ts');
  }

  protected override document(result: ListedVm[]): object {
    return listDocument(result);
  }

  async run(): Promise<ListedVm[]> {
    const { args, flags } = await this.parse(ListCommand);
    this.quiet = flags.quiet;
    const columns = flags.columns?.split(',').map((name) => readChoice('--columns', name.trim(), COLUMN_NAMES));
    const sort = flags.sort === undefined ? undefined : readChoice('--sort', flags.sort, COLUMN_NAMES);
    const needsCheck = [sort, ...(columns ?? [])].includes('export');
    if (needsCheck && !flags.check) {
      throw new Hyper2kvmError('usage', 'The column export needs --check.', { hint: 'Add --check.' });
    }
    const connection = await this.connection(flags, { askNow: true });
    await this.showCommand(flags);
    const { listVms } = await this.operation();
    const found = await listVms(
      { connection, glob: args.glob, env: this.env, check: flags.check },
      { signal: this.signal, report: ({ message }) => this.addWarning(message) },
    );
    const wanted = found.filter(({ powerState, template }) => {
      if (flags['powered-on']) return powerState === 'poweredOn';
      return !flags['powered-off'] || (powerState === 'poweredOff' && !template);
    });
    const vms = sort === undefined ? wanted : sortedBy(wanted, sort);
    if (flags.csv) this.#printCsv(vms, columns ?? COLUMN_NAMES.filter((name) => name !== 'export' || flags.check));
    else this.print(inventoryReport(vms, { columns, look: this.look() }));
    return vms;
  }

  /** Unchanged, even on a terminal, where other output is wrapped. */
  #printCsv(vms: readonly ListedVm[], columns: readonly ColumnName[]): void {
    requireStandardOutput();
    process.stdout.write(inventoryCsv(vms, columns));
  }
}
