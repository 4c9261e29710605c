import { Hyper2kvmError } from '../base/errors.ts';
import { secretInUrl, type Secret } from '../base/text/secret.ts';
import type { ConnectionSettings, ConnectionSources } from '../vsphere/connection/connection-settings.ts';
import { BaseCommand } from './base-command.ts';
import {
  CONNECTION_FLAGS,
  profileConnection,
  readConnection,
  type ConnectionFlagValues,
} from './config/connection-flags.ts';
import type { Profile, Settings } from './config/profile.ts';
import { describeError, errorLines } from './text/error-report.ts';

export interface ConnectionNeeds {
  askNow: boolean;
  known?: Secret | undefined;
  /** Logs in with a password that was typed. If the server refuses it, the user gets a second try, and no third. */
  tryLogin?: (connection: ConnectionSettings) => Promise<void>;
}

/** A command that can connect to a server: it has the connection flags. */
export abstract class ConnectedCommand<Result extends object> extends BaseCommand<Result> {
  static override baseFlags = { ...BaseCommand.baseFlags, ...CONNECTION_FLAGS };

  /** The timeout of a call has no environment variable, so it is set like the command's own flags. */
  protected override settingsOf(profile: Profile): Settings {
    const timeout = profile.server.get('timeout');
    return new Map([...super.settingsOf(profile), ...(timeout === undefined ? [] : [['timeout', timeout] as const])]);
  }

  /** The profile's settings for the server. */
  protected get profileServer(): ConnectionSources['profile'] {
    const { profile, leftOut } = this.chosen;
    return profile && profileConnection(profile, leftOut);
  }

  /**
   * The connection settings. With `askNow`, the password is read before anything else is shown on the terminal, and is
   * removed from all later messages. `known` is a password already read by the process that started this one.
   */
  protected async connection(
    flags: ConnectionFlagValues,
    { askNow, known, tryLogin }: ConnectionNeeds,
  ): Promise<ConnectionSettings> {
    for (const url of [flags.url, this.env['HYPER2KVM_URL'], this.env['GOVC_URL']]) this.redactor.add(secretInUrl(url));
    let isTyped = false;
    const settings = await readConnection(flags, this.env, this.profileServer, {
      stdin: process.stdin,
      stderr: process.stderr,
      signal: this.signal,
      warn: (message) => this.addWarning(message),
      onPrompt: () => (isTyped = true),
    });
    if (settings.trust.insecure) {
      this.addWarning(
        `The certificate of ${settings.url.host} is not verified (--insecure). Pin it with --thumbprint.`,
      );
    }
    let secret = known && Promise.resolve(known);
    const password = async (): Promise<Secret> => {
      const read = await (secret ??= settings.password());
      this.redactor.add(read);
      return read;
    };
    const connection = {
      ...settings,
      password,
      redact: (text: string) => this.redactor.clean(text),
      observer: this.trace.observer,
    };
    if (!askNow) return connection;
    await password();
    if (isTyped && tryLogin !== undefined && !(await this.#isAccepted(tryLogin(connection)))) {
      secret = undefined;
      await password();
    }
    return connection;
  }

  /** False if the server refused the account; the reason is shown. */
  async #isAccepted(login: Promise<void>): Promise<boolean> {
    try {
      await login;
      return true;
    } catch (error) {
      if (!(error instanceof Hyper2kvmError) || error.kind !== 'authentication') throw error;
      this.say(errorLines(describeError(error, (text) => this.redactor.clean(text))));
      return false;
    }
  }

  /** The connection settings if a flag, the environment or the profile names a server. */
  protected async connectionIfNamed(flags: ConnectionFlagValues): Promise<ConnectionSettings | undefined> {
    const { isServerConfigured } = await import('../vsphere/connection/connection-settings.ts');
    return isServerConfigured({ url: flags.url }, this.env, this.profileServer)
      ? this.connection(flags, { askNow: false })
      : undefined;
  }
}
