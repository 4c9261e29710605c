import { Args } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { requireOpenFiles } from '../base/files/open-files.ts';
import type { Secret } from '../base/text/secret.ts';
import type { OptionalValues } from '../cli/input/optional-values.ts';
import { requestedVms } from '../cli/input/vm-words.ts';
import { wordsWithoutPassword } from '../cli/input/words-without-password.ts';
import { ownProgram } from '../cli/own-program.ts';
import { exportSummary } from '../cli/report/export/export-summary.ts';
import { InterruptedRun } from '../cli/report/export/interrupted-run.ts';
import { planReport } from '../cli/report/plan-report.ts';
import type { ExportScreen } from '../cli/screen/screen.ts';
import type { DetachedJob, OwnProgram } from '../operations/detach/types.ts';
import type { Outcome } from '../operations/export/run/export-outcome.ts';
import type * as ExportVms from '../operations/export/run/export-vms.ts';
import type * as PlanExports from '../operations/export/run/plan-exports.ts';
import type { DryRunResult, ExportEvent, ExportOptions, ExportResult } from '../operations/export/types.ts';
import { OPTIONAL_COMPRESSION } from './flags/compress-flag.ts';
import { checkDetach, isDetached, readHandover } from './flags/detach-flag.ts';
import { OPTIONAL_LIBVIRT } from './flags/domain-flags.ts';
import { OPTIONAL_GUEST_AGENT } from './flags/fix-flags.ts';
import { EXPORT_FLAGS, OPTIONAL_SHUTDOWN } from './flags/export-flags.ts';
import { OPTIONAL_EXPORT_AUDIT } from './flags/transport-flags.ts';
import { readExportOptions } from './export-options.ts';
import { exportDocument } from './documents/export-document.ts';
import { AskingCommand } from './questions/asking-command.ts';

/** `hyper2kvm export VM...` */
export class ExportCommand extends AskingCommand<ExportResult | DryRunResult | DetachedJob> {
  static override summary = 'Export VMs from a vCenter or ESXi host.';
  static override description =
    'Downloads VMs through an export lease, verifies every disk during the download, and gives files their final names only when they are complete. A VM that fails does not stop the others. To resume, rerun the same command: it keeps disks that are already complete. With --skip-existing it also keeps complete VMs.';

  static override examples = [
    {
      description: 'On a terminal: choose the VMs from a list',
      command: '<%= config.bin %> export --url https://vc.example.com --username administrator@vsphere.local',
    },
    {
      description: 'Export a powered-off VM to ./web-01 (prompts for the password)',
      command: '<%= config.bin %> export web-01 --url https://vc.example.com --username administrator@vsphere.local',
    },
    {
      description: 'Export a running VM from a temporary snapshot, as one OVA file',
      command: '<%= config.bin %> export web-01 --snapshot --quiesce --format ova --output /srv/vms',
    },
    {
      description: 'Shut down the guest (wait up to ten minutes), export the VM, and power it on again',
      command: '<%= config.bin %> export web-01 --shutdown=10m --restart',
    },
    {
      description: 'Export directly to compressed qcow2 images and a libvirt domain, for this host',
      command: '<%= config.bin %> export web-01 --snapshot --format qcow2 --compress --output /var/lib/libvirt/images',
    },
    {
      description: 'Export a VM without its second disk, a raw device mapping',
      command: '<%= config.bin %> export db-01 --exclude-disk 2 --format qcow2',
    },
    {
      description: 'Show what would be written, and what prevents it',
      command: '<%= config.bin %> export web-01 --dry-run',
    },
    {
      description: 'Export in the background (prompts for the password first)',
      command: '<%= config.bin %> export web-01 --snapshot --output /srv/vms --detach',
    },
    {
      description:
        'From cron: server and options from a profile of the configuration file, a log, and a mail at the end',
      command:
        "<%= config.bin %> export 'db-*' --profile nightly --quiet --log-file /var/log/hyper2kvm.log --notify-command 'mail -s \"export $HYPER2KVM_JOB_STATE\" ops'",
    },
    {
      description: 'Export the missing VMs of a list, four at a time, at 50 MiB per second in total',
      command:
        '<%= config.bin %> export --from-file vms.txt --parallel-vms 4 --skip-existing --snapshot --output /srv/vms --password-file /root/vc.pass --limit-rate 50M',
    },
  ];

  static override args = {
    vm: Args.string({
      multiple: true,
      ignoreStdin: true,
      description:
        'VMs by name, glob, inventory path, MoRef (vm-42), BIOS UUID or instance UUID. On a terminal, a list to choose from appears if none is given.',
    }),
  };

  static override flags = EXPORT_FLAGS;

  #screen: ExportScreen | undefined;

  protected override optionalValues(): OptionalValues {
    return {
      shutdown: OPTIONAL_SHUTDOWN,
      compress: OPTIONAL_COMPRESSION,
      define: OPTIONAL_LIBVIRT,
      'guest-agent': OPTIONAL_GUEST_AGENT,
      audit: OPTIONAL_EXPORT_AUDIT,
    };
  }

  protected override leftBehindNote(): string {
    return 'Stopped without cleaning up. The server may still have an export lease, which expires after some minutes, and a temporary snapshot. The output folder may contain .partial files.';
  }

  protected override say(text: string): void {
    if (this.#screen === undefined) super.say(text);
    else this.#screen.note(text);
  }

  protected exportOperation(): Promise<typeof ExportVms> {
    return import('../operations/export/run/export-vms.ts');
  }

  protected planOperation(): Promise<Pick<typeof PlanExports, 'planExports'>> {
    return import('../operations/export/run/plan-exports.ts');
  }

  /** The process that continues in the background writes the log. */
  protected override leavesLog(flags: Readonly<Record<string, unknown>>): boolean {
    return flags['detach'] !== true || isDetached(this.env);
  }

  protected program(): OwnProgram {
    return ownProgram();
  }

  protected override document(result: ExportResult | DryRunResult | DetachedJob): object {
    return exportDocument(result);
  }

  async run(): Promise<ExportResult | DryRunResult | DetachedJob> {
    const { args, flags } = await this.parse(ExportCommand);
    this.quiet = flags.quiet;
    const choices = readExportOptions(flags, this.env);
    checkDetach(flags);
    await requireOpenFiles();
    const detached = await readHandover(this.env);
    const isList = flags['from-file'] !== undefined;
    const asks = this.canAsk(flags) && !isList;
    const given = asks && !args.vm?.length ? [] : (detached?.vms ?? (await requestedVms('export', args.vm, flags)));
    const connection = await this.connection(flags, { askNow: true, known: detached?.password });
    if (flags.detach && !detached) return this.#detach(given, await connection.password(), flags.url);
    const vms = given.length > 0 ? given : await this.askVms(connection, 'VMs to export:');
    const isOpen = asks && choices.power.kind === 'as-is' && !flags['dry-run'];
    const power = isOpen ? await this.askPower(connection, vms) : {};
    const chosen = readExportOptions({ ...flags, ...power }, this.env);
    await this.showCommand(flags);
    const options: ExportOptions = { ...chosen, vms, isList, connection, env: this.env, detached };
    return flags['dry-run'] ? this.#plan(options) : this.#export(options);
  }

  async #export(options: ExportOptions): Promise<ExportResult> {
    const { exportVms } = await this.exportOperation();
    const errors: unknown[] = [];
    const screen = await this.openScreen({ isFleet: options.jobs > 1 });
    this.#screen = screen;
    const soFar = new InterruptedRun();
    let result: ExportResult | undefined;
    try {
      const report = (event: ExportEvent): void => {
        this.#keep(event, errors);
        soFar.take(event);
        screen.onEvent(this.#cleaned(event));
      };
      result = await exportVms(options, { signal: this.signal, report });
    } finally {
      this.#screen = undefined;
      await screen.stop();
      const ended = result ?? soFar.result(this.signal.aborted);
      if (ended !== undefined) this.runReport.take(exportDocument(ended));
      if (result === undefined && this.signal.aborted && !this.quiet) this.#tellKept(soFar);
    }
    if (!this.quiet) this.#tellResult(result);
    const { exportOutcome } = await import('../operations/export/run/export-outcome.ts');
    const outcome = exportOutcome(result, errors);
    this.#end(outcome && { ...outcome, shown: outcome.shown && screen.showsErrors });
    return result;
  }

  #tellResult(result: ExportResult): void {
    const look = this.look();
    const lines = exportSummary(result, look);
    // On a terminal, the lines of the screen are above.
    this.print(look.width === undefined ? lines : ['', ...lines]);
  }

  #tellKept(soFar: InterruptedRun): void {
    const lines = soFar.lines();
    if (lines.length > 0) this.say(lines.join('\n'));
  }

  async #detach(vms: string[], password: Secret, url: string | undefined): Promise<DetachedJob> {
    const { startDetached } = await import('../operations/detach/start-detached.ts');
    const options = {
      program: this.program(),
      words: ['export', ...wordsWithoutPassword(this.words, url)],
      handed: { vms, password },
      env: this.env,
    };
    const started = await startDetached(options, this.signal);
    if (!this.quiet) {
      this.say(
        `Process ${started.pid} exports in the background. To follow it:\n  hyper2kvm status --job ${started.job} --follow`,
      );
    }
    this.print([started.job]);
    return started;
  }

  async #plan(options: ExportOptions): Promise<DryRunResult> {
    const { planExports } = await this.planOperation();
    const errors: unknown[] = [];
    const report = (event: ExportEvent): void => {
      this.#keep(event, errors);
      if (event.type === 'warning') this.say(`Warning: ${event.message}`);
    };
    const result = await planExports(options, { signal: this.signal, report });
    this.print(planReport(result, this.tableWidth()));
    const { planOutcome } = await import('../operations/export/run/export-outcome.ts');
    this.#end(planOutcome(result, errors));
    return result;
  }

  /** Collects what the result needs in addition: the errors for the exit code, and the warnings for the JSON document. */
  #keep(event: ExportEvent, errors: unknown[]): void {
    if (event.type === 'vm-failed') errors.push(event.error);
    if (event.type === 'warning') this.warnings.push(this.redactor.clean(event.message));
  }

  /** An event without secrets: a server can repeat its input in a fault. */
  #cleaned(event: ExportEvent): ExportEvent {
    if (event.type === 'warning') return { ...event, message: this.redactor.clean(event.message) };
    if (event.type !== 'vm-failed' || !(event.error instanceof Hyper2kvmError)) return event;
    const { kind, message, hint } = event.error;
    const facts = hint === undefined ? {} : { hint: this.redactor.clean(hint) };
    return { ...event, error: new Hyper2kvmError(kind, this.redactor.clean(message), facts) };
  }

  #end(outcome: Outcome | undefined): void {
    if (outcome !== undefined) this.failWith(outcome.error, { shown: outcome.shown });
  }
}
