/** What a key of the configuration file says. `true` for a flag with an optional value means the flag alone. */
export type SettingValue = string | boolean | string[];

export type Settings = ReadonlyMap<string, SettingValue>;

/** One profile of the configuration file, with its keys and types checked. */
export interface Profile {
  name: string;
  /** Where it stands. */
  file: string;
  /** By the names of the connection flags, and `password`. */
  server: Settings;
  /** The settings of each command, by the command's name. */
  commands: ReadonlyMap<string, Settings>;
}

/** The passwords in it: no message may show them. */
export function secretsOf({ server }: Profile): string[] {
  const password = server.get('password');
  return [typeof password === 'string' ? password : '', passwordInUrl(server.get('url'))].filter(Boolean);
}

function passwordInUrl(url: SettingValue | undefined): string {
  // Up to the last `@`, as a password that was not encoded may hold one too; a slash ends it.
  const [, password = ''] =
    (typeof url === 'string' && /^(?:[a-z][\w+.-]*:\/\/)?[^/?#:@]*:([^/?#]*)@/i.exec(url)) || [];
  return password;
}
