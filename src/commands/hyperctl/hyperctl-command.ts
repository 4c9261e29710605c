import { ConnectedCommand } from '../../cli/connected-command.ts';
import { parseGoFlags } from '../../cli/hyperctl/go-flags.ts';
import { HELP } from '../../cli/hyperctl/help-text.ts';
import { ownProgram } from '../../cli/own-program.ts';
import type { OwnProgram } from '../../operations/detach/types.ts';
import type { HyperctlHost, HyperctlWork } from './hyperctl-host.ts';
import { cancel, query, status } from './job-commands.ts';
import { submit } from './submit.ts';
import { list, vm } from './vm-commands.ts';

const COMMANDS: Readonly<Record<string, HyperctlWork>> = { submit, query, cancel, status, list, vm };

/**
 * `hyperctl …`, through a link of that name, or `hyper2kvm hyperctl …`: the command line of another program, for
 * scripts written for it.
 */
export class HyperctlCommand extends ConnectedCommand<object> {
  static override hidden = true;
  static override strict = false;
  static override enableJsonFlag = false;
  static override summary = 'Accept the command line of hyperctl, for existing scripts.';
  static override description = 'A link named hyperctl does the same. See docs/hyperctl.md.';
  static override examples = [
    {
      description: 'Start an export in the background',
      command: '<%= config.bin %> hyperctl submit -vm /DC0/vm/web-01 -output /srv/vms',
    },
  ];

  /** hyperctl has no `--json`. */
  protected override document(result: object): object {
    return result;
  }

  async run(): Promise<object> {
    const words = this.argv[0] === '--' ? this.argv.slice(1) : this.argv;
    const kinds = { daemon: 'string', version: 'boolean', help: 'boolean', h: 'boolean' } as const;
    const { flags, rest } = parseGoFlags('hyperctl', words, kinds);
    const [name = '', ...others] = rest;
    if (flags.version === true) this.print([`hyperctl version ${this.config.version} (hyper2kvm)`]);
    else if (flags.help === true || flags.h === true || name === 'help' || asksForHelp(others)) this.print([HELP]);
    else {
      this.#noteDaemon(flags.daemon);
      await this.#do(name, others);
    }
    return {};
  }

  protected program(): OwnProgram {
    return ownProgram();
  }

  async #do(name: string, words: readonly string[]): Promise<void> {
    const work = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (work !== undefined) return work(words, await this.#host());
    process.stderr.write(`${name === '' ? 'No command is given.' : `There is no command ${name}.`}\n\n`);
    this.print([HELP]);
    process.exitCode = 1;
  }

  async #host(): Promise<HyperctlHost> {
    // The connection flags with their defaults, and the server settings of the configuration file.
    const { flags } = await this.parse(HyperctlCommand, []);
    return {
      env: this.env,
      signal: this.signal,
      version: this.config.version,
      program: this.program(),
      print: (lines) => this.print(lines),
      say: (text) => this.say(text),
      warn: (message) => this.addWarning(message),
      failWith: (error) => this.failWith(error),
      connect: (given = {}, password) => this.connection({ ...flags, ...given }, { askNow: true, known: password }),
    };
  }

  #noteDaemon(flag: string | undefined): void {
    const named = flag === undefined ? 'HYPERVISORD_URL' : '-daemon';
    if (flag === undefined && !this.env['HYPERVISORD_URL']) return;
    this.say(`Note: ${named} is ignored: there is no daemon.`);
  }
}

function asksForHelp(words: readonly string[]): boolean {
  return words.some((word) => /^--?(h|help)$/.test(word));
}
