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
    { askNow, known }: { askNow: boolean; known?: Secret | undefined },
  ): Promise<ConnectionSettings> {
    for (const url of [flags.url, this.env['HYPER2KVM_URL'], this.env['GOVC_URL']]) this.redactor.add(secretInUrl(url));
    const settings = await readConnection(flags, this.env, this.profileServer, {
      stdin: process.stdin,
      stderr: process.stderr,
      signal: this.signal,
      warn: (message) => this.addWarning(message),
    });
    if (settings.trust.insecure) {
      this.addWarning(
        `The certificate of ${settings.url.host} is not verified (--insecure). Pin it with --thumbprint.`,
      );
    }
    const password = async (): Promise<Secret> => {
      const secret = known ?? (await settings.password());
      this.redactor.add(secret);
      return secret;
    };
    if (askNow) await password();
    return { ...settings, password, redact: (text) => this.redactor.clean(text), observer: this.trace.observer };
  }

  /** The connection settings if a flag, the environment or the profile names a server. */
  protected async connectionIfNamed(flags: ConnectionFlagValues): Promise<ConnectionSettings | undefined> {
    const { isServerConfigured } = await import('../vsphere/connection/connection-settings.ts');
    return isServerConfigured({ url: flags.url }, this.env, this.profileServer)
      ? this.connection(flags, { askNow: false })
      : undefined;
  }
}
