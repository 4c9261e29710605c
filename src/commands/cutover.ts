import { Args } from '@oclif/core';
import { Hyper2kvmError } from '../base/errors.ts';
import { requireOpenFiles } from '../base/files/open-files.ts';
import { ConnectedCommand } from '../cli/connected-command.ts';
import type { OptionalValues } from '../cli/input/optional-values.ts';
import { cutoverSummary } from '../cli/report/cutover-summary.ts';
import type { ExportScreen } from '../cli/screen/screen.ts';
import type * as CutoverVm from '../operations/cutover/cutover-vm.ts';
import type { CutoverEvent, CutoverResult, RollbackResult } from '../operations/cutover/types.ts';
import type { OperationContext } from '../operations/operation-context.ts';
import { cleanEvent } from './clean-event.ts';
import { cutoverDocument } from './documents/cutover-document.ts';
import { CUTOVER_FLAGS, readCutoverOptions, readRollbackOptions } from './cutover-flags.ts';
import { OPTIONAL_LIBVIRT } from './flags/domain-flags.ts';
import { OPTIONAL_AUDIT } from './flags/sync-flags.ts';

type Result = CutoverResult | RollbackResult;

/** `hyper2kvm cutover VM` */
export class CutoverCommand extends ConnectedCommand<Result> {
  static override summary = 'Move a VM from vSphere to its replica on KVM, with a short downtime.';
  static override description =
    'Brings the replica of sync up to date while the VM runs, shuts the VM down, copies the last changes, prepares the guest for KVM, and starts it here. A cutover that was killed is continued by the same command. A failure powers the source on again, and --rollback does so at any time. The source is powered on only after the domain here is confirmed to be off.';

  static override examples = [
    {
      description: 'Move a VM to the libvirt of this host, with a downtime of at most two minutes',
      command: '<%= config.bin %> cutover db-01 --output /srv/replicas --define --start --max-downtime 2m',
    },
    {
      description: 'Give the VM back to vSphere',
      command: '<%= config.bin %> cutover db-01 --output /srv/replicas --rollback',
    },
  ];

  static override args = {
    vm: Args.string({
      ignoreStdin: true,
      description: 'One VM by name, inventory path, MoRef (vm-42), BIOS UUID or instance UUID.',
    }),
  };

  static override flags = CUTOVER_FLAGS;

  #screen: ExportScreen | undefined;

  protected override optionalValues(): OptionalValues {
    return { audit: OPTIONAL_AUDIT, define: OPTIONAL_LIBVIRT };
  }

  protected override leftBehindNote(): string {
    return 'Stopped without cleaning up. The VM can be powered off. Run the same command again to continue, or with --rollback to give the VM back.';
  }

  protected override say(text: string): void {
    if (this.#screen === undefined) super.say(text);
    else this.#screen.note(text);
  }

  protected operation(): Promise<typeof CutoverVm> {
    return import('../operations/cutover/cutover-vm.ts');
  }

  protected override document(result: Result): object {
    return cutoverDocument(result);
  }

  async run(): Promise<Result> {
    const { args, flags } = await this.parse(CutoverCommand);
    this.quiet = flags.quiet;
    const { env } = this;
    const cutover = flags.rollback ? undefined : readCutoverOptions(flags, env);
    const rollback = readRollbackOptions(flags, env);
    const { vm } = args;
    if (vm === undefined) {
      throw new Hyper2kvmError('usage', 'No VM is given.', { hint: 'Give one VM after cutover.' });
    }
    await requireOpenFiles();
    const connection = await this.connection(flags, { askNow: true });
    const { cutOverVm, rollBackVm } = await this.operation();
    const shared = { vm, connection, env };
    const result = await this.#onScreen((context): Promise<Result> =>
      cutover === undefined
        ? rollBackVm({ ...rollback, ...shared }, context)
        : cutOverVm({ ...cutover, ...shared }, context),
    );
    if (!this.quiet) this.print(cutoverSummary(result));
    const { cutoverOutcome } = await import('../operations/cutover/cutover-outcome.ts');
    const error = cutoverOutcome(result);
    if (error !== undefined) this.failWith(error);
    return result;
  }

  async #onScreen(work: (context: OperationContext<CutoverEvent>) => Promise<Result>): Promise<Result> {
    const screen = await this.openScreen();
    this.#screen = screen;
    try {
      const report = (event: CutoverEvent): void => {
        if (event.type === 'warning') this.warnings.push(this.redactor.clean(event.message));
        screen.onEvent(cleanEvent(event, this.redactor));
      };
      return await work({ signal: this.signal, report });
    } finally {
      this.#screen = undefined;
      await screen.stop();
    }
  }
}
