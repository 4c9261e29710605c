import { Hyper2kvmError, InterruptedError } from '../../base/errors.ts';
import type { ConnectionFlagValues } from '../../cli/config/connection-flags.ts';
import { ConnectedCommand, type ConnectionNeeds } from '../../cli/connected-command.ts';
import { wordsWithoutPassword } from '../../cli/input/words-without-password.ts';
import type { PowerFlags, PoweredVm } from '../../cli/prompt/power-question.ts';
import { canPrompt, type PromptTerminal } from '../../cli/prompt/run-prompt.ts';
import type * as ListVms from '../../operations/list/list-vms.ts';
import type * as PowerStates from '../../operations/list/power-states.ts';
import type { ListedVm } from '../../operations/list/list-types.ts';
import type { OperationContext, WarningEvent } from '../../operations/operation-context.ts';
import type { ConnectionSettings } from '../../vsphere/connection/connection-settings.ts';

/**
 * A command that asks for what is missing, on a terminal only: the server, the user name, the VMs, and what to do with
 * VMs that are powered on. A password that was typed gets a second try.
 */
export abstract class AskingCommand<Result extends object> extends ConnectedCommand<Result> {
  /** oclif does not look for it far enough up. */
  static override enableJsonFlag = true;

  /** The arguments as given. */
  protected words: readonly string[] = [];
  readonly #answers: { vms: string[]; flags: string[] } = { vms: [], flags: [] };
  #picked: readonly ListedVm[] | undefined;

  override async init(): Promise<void> {
    this.words = this.argv;
    await super.init();
  }

  protected listOperation(): Promise<Pick<typeof ListVms, 'listVms'>> {
    return import('../../operations/list/list-vms.ts');
  }

  protected powerOperation(): Promise<typeof PowerStates> {
    return import('../../operations/list/power-states.ts');
  }

  /** Nobody answers without a terminal; scripts use `--json`, `--quiet` and `--detach` on one. */
  protected canAsk(flags: Readonly<Record<string, unknown>>): boolean {
    if (this.jsonEnabled() || this.quiet || flags['detach'] === true || flags['progress'] === 'json') return false;
    return canPrompt(this.#terminal());
  }

  protected override async connection(
    flags: ConnectionFlagValues,
    needs: ConnectionNeeds,
  ): Promise<ConnectionSettings> {
    if (!this.canAsk(flags)) return super.connection(flags, needs);
    const { askConnection } = await import('../../cli/prompt/ask-connection.ts');
    const { values, words } = await askConnection(flags, this.profileServer, this.#terminal());
    this.#answers.flags.push(...words);
    const tryLogin = async (connection: ConnectionSettings): Promise<void> =>
      (await this.powerOperation()).checkLogin(connection, this.#context());
    return super.connection(values, { ...needs, tryLogin });
  }

  /** Lets the user choose VMs of the server. Returns the words that name them. */
  protected async askVms(connection: ConnectionSettings, title: string): Promise<string[]> {
    const { listVms } = await this.listOperation();
    const all = await listVms({ connection, glob: undefined, env: this.env }, this.#context());
    const vms = all.filter(({ managedBy }) => managedBy === '');
    if (vms.length === 0) {
      throw new Hyper2kvmError('not-found', `The account sees no VM on ${connection.url.host}.`, {
        hint: 'Check its permissions, and their propagation, in the inventory of the server.',
      });
    }
    const { pickVms } = await import('../../cli/prompt/vm-picker.ts');
    const { wordFor } = await import('../../cli/prompt/equivalent-command.ts');
    this.#picked = await pickVms(title, vms, this.#terminal());
    this.#answers.vms = this.#picked.map((vm) => wordFor(vm, all));
    return this.#answers.vms;
  }

  /** Asks what to do with VMs that are not powered off. No flags if there are none. */
  protected async askPower(connection: ConnectionSettings, vms: readonly string[]): Promise<PowerFlags> {
    const { askPower, notOff } = await import('../../cli/prompt/power-question.ts');
    const all: readonly PoweredVm[] =
      this.#picked ?? (await (await this.powerOperation()).readPowerStates({ connection, vms }, this.#context()));
    const open = notOff(all);
    if (open.length === 0) return {};
    const answer = await askPower(open, all.length, this.#terminal());
    if (answer === undefined) throw new InterruptedError('SIGINT');
    this.#answers.flags.push(...answer.words);
    return answer.flags;
  }

  /** Prints the command line that asks nothing, for a script. */
  protected async showCommand(flags: ConnectionFlagValues): Promise<void> {
    const { vms, flags: answers } = this.#answers;
    if (vms.length + answers.length === 0) return;
    const { equivalentCommand } = await import('../../cli/prompt/equivalent-command.ts');
    const program = [this.config.bin, this.id].join(' ');
    const words = wordsWithoutPassword(this.words, flags.url);
    this.say(`The same command without questions:\n    ${equivalentCommand(program, words, this.#answers)}`);
  }

  #terminal(): PromptTerminal {
    return { input: process.stdin, output: process.stderr, env: this.env, signal: this.signal };
  }

  #context(): OperationContext<WarningEvent> {
    return { signal: this.signal, report: ({ message }) => this.addWarning(message) };
  }
}
