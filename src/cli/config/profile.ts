import { secretInUrl, type Secret } from '../../base/text/secret.ts';

/** The value of a key in the configuration file. For a flag with an optional value, `true` means the flag without a value. */
export type SettingValue = string | boolean | string[];

export type Settings = ReadonlyMap<string, SettingValue>;

/** One profile of the configuration file, with validated keys and types. */
export interface Profile {
  name: string;
  /** The path of the file. */
  file: string;
  /** Keyed by the names of the connection flags. */
  server: Settings;
  password?: Secret;
  /** The settings of each command, keyed by its name. */
  commands: ReadonlyMap<string, Settings>;
}

/** The passwords in a profile, which no message may show. */
export function secretsOf({ server, password }: Profile): Secret[] {
  const url = server.get('url');
  const secrets = [...(password ? [password] : []), secretInUrl(typeof url === 'string' ? url : undefined)];
  return secrets.filter((secret) => !secret.isEmpty);
}
