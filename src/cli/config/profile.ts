import { secretInUrl, type Secret } from '../../base/text/secret.ts';

/** What a key of the configuration file says. `true` for a flag with an optional value means the flag alone. */
export type SettingValue = string | boolean | string[];

export type Settings = ReadonlyMap<string, SettingValue>;

/** One profile of the configuration file, with its keys and types checked. */
export interface Profile {
  name: string;
  /** Where it stands. */
  file: string;
  /** By the names of the connection flags. */
  server: Settings;
  password?: Secret;
  /** The settings of each command, by the command's name. */
  commands: ReadonlyMap<string, Settings>;
}

/** The passwords in it: no message may show them. */
export function secretsOf({ server, password }: Profile): Secret[] {
  const url = server.get('url');
  const secrets = [...(password ? [password] : []), secretInUrl(typeof url === 'string' ? url : undefined)];
  return secrets.filter((secret) => !secret.isEmpty);
}
