import { Args } from '@oclif/core';
import { requireOpenFiles } from '../base/files/open-files.ts';
import type { OptionalValues } from '../cli/input/optional-values.ts';
import { requestedVms } from '../cli/input/vm-words.ts';
import { syncSummary } from '../cli/report/sync-summary.ts';
import type { ExportScreen } from '../cli/screen/screen.ts';
import type * as SyncVms from '../operations/sync/sync-vms.ts';
import type { SyncEvent, SyncOptions, SyncResult } from '../operations/sync/types.ts';
import { cleanEvent } from './clean-event.ts';
import { syncDocument } from './documents/sync-document.ts';
import { AskingCommand } from './questions/asking-command.ts';
import { OPTIONAL_AUDIT, readSyncOptions, SYNC_FLAGS } from './flags/sync-flags.ts';

/** `hyper2kvm sync VM...` */
export class SyncCommand extends AskingCommand<SyncResult> {
  static override summary = 'Replicate running VMs to disk images, and keep the replicas up to date.';
  static override description =
    'The first run copies the disks of a VM from a temporary snapshot; each later run brings the images to the present state. A replica is always the state of the VM at one point in time: a run that is interrupted changes nothing, or is completed by the next run. The VM keeps running, and its power state is never changed.';

  static override examples = [
    {
      description: 'Replicate a running VM to /srv/replicas/db-01, or update its replica',
      command: '<%= config.bin %> sync db-01 --output /srv/replicas',
    },
    {
      description: 'From cron: server and options from a profile of the configuration file, four VMs at a time',
      command:
        "<%= config.bin %> sync 'db-*' --profile nightly --output /srv/replicas --parallel-vms 4 --quiet --log-file /var/log/hyper2kvm.log",
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

  static override flags = SYNC_FLAGS;

  #screen: ExportScreen | undefined;

  protected override optionalValues(): OptionalValues {
    return { audit: OPTIONAL_AUDIT };
  }

  protected override leftBehindNote(): string {
    return 'Stopped without cleaning up. The server may still have an export lease, which expires after some minutes, and a temporary snapshot, which the next sync removes.';
  }

  protected override say(text: string): void {
    if (this.#screen === undefined) super.say(text);
    else this.#screen.note(text);
  }

  protected operation(): Promise<typeof SyncVms> {
    return import('../operations/sync/sync-vms.ts');
  }

  protected override document(result: SyncResult): object {
    return syncDocument(result);
  }

  async run(): Promise<SyncResult> {
    const { args, flags } = await this.parse(SyncCommand);
    this.quiet = flags.quiet;
    const choices = readSyncOptions(flags, this.env);
    await requireOpenFiles();
    const asks = this.canAsk(flags) && flags['from-file'] === undefined && !args.vm?.length;
    const given = asks ? [] : await requestedVms('sync', args.vm, flags);
    const connection = await this.connection(flags, { askNow: true });
    const vms = asks ? await this.askVms(connection, 'VMs to replicate:') : given;
    await this.showCommand(flags);
    return await this.#sync({ ...choices, vms, connection, env: this.env });
  }

  async #sync(options: SyncOptions): Promise<SyncResult> {
    const { syncVms } = await this.operation();
    const errors: unknown[] = [];
    const screen = await this.openScreen({ isFleet: options.jobs > 1 });
    this.#screen = screen;
    let result: SyncResult;
    try {
      const report = (event: SyncEvent): void => {
        if (event.type === 'vm-failed') errors.push(event.error);
        if (event.type === 'warning') this.warnings.push(this.redactor.clean(event.message));
        screen.onEvent(cleanEvent(event, this.redactor));
      };
      result = await syncVms(options, { signal: this.signal, report });
      this.runReport.take(syncDocument(result));
    } finally {
      this.#screen = undefined;
      await screen.stop();
    }
    if (!this.quiet) this.print(syncSummary(result));
    const { syncOutcome } = await import('../operations/sync/sync-outcome.ts');
    const outcome = syncOutcome(result, errors);
    if (outcome !== undefined) this.failWith(outcome.error, { shown: outcome.shown && screen.showsErrors });
    return result;
  }
}
