import { Flags, type Interfaces } from '@oclif/core';
import type {
  ConnectionOptions,
  ConnectionSettings,
  ConnectionSources,
  MissingSetting,
} from '../../vsphere/connection/connection-settings.ts';
import type { Profile, SettingValue } from './profile.ts';
import { readDuration } from '../input/option-values.ts';
import { readPassword, type PasswordSources } from '../input/password.ts';

const helpGroup = 'CONNECTION';

/**
 * The connection flags of every command that uses a server. There is no flag for the password, because other users
 * could see it in the process list.
 */
export const CONNECTION_FLAGS = {
  url: Flags.string({
    helpGroup,
    helpValue: 'URL',
    description:
      'vCenter or ESXi host: https://HOST[:PORT], or a host name. Default: HYPER2KVM_URL, then GOVC_URL, then a question on a terminal.',
  }),
  username: Flags.string({
    char: 'u',
    helpGroup,
    helpValue: 'NAME',
    description:
      'Account to log in with. Default: HYPER2KVM_USERNAME, then GOVC_USERNAME, then a question on a terminal.',
  }),
  'password-file': Flags.string({
    helpGroup,
    helpValue: 'FILE',
    description:
      'File whose first line is the password; - reads it from standard input. Default: HYPER2KVM_PASSWORD, then GOVC_PASSWORD, then a hidden prompt on a terminal.',
  }),
  insecure: Flags.boolean({
    char: 'k',
    helpGroup,
    description: 'Do not verify the server certificate. Pinning it with --thumbprint is safer.',
  }),
  thumbprint: Flags.string({
    helpGroup,
    helpValue: 'HEX',
    description: 'Pin the server certificate by its SHA-1 or SHA-256 thumbprint, with or without colons.',
  }),
  'ca-file': Flags.string({
    helpGroup,
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
    description: 'PEM file with certificate authorities to trust in addition to those of the system. May be repeated.',
  }),
  timeout: Flags.string({
    helpGroup,
    helpValue: 'TIME',
    default: '60s',
    description: 'Time limit for one call to the server, such as 90s or 2m; a bare number is seconds.',
  }),
};

export type ConnectionFlagValues = Interfaces.InferredFlags<typeof CONNECTION_FLAGS>;

function flagConnection(values: ConnectionFlagValues): ConnectionOptions {
  const { url, username, insecure, thumbprint } = values;
  return { url, username, insecure, thumbprint, passwordFile: values['password-file'], caFiles: values['ca-file'] };
}

/** The profile's settings for the server, without those that the command line disables. */
export function profileConnection(
  { name, server, password }: Profile,
  leftOut: ReadonlySet<string>,
): ConnectionOptions & { name: string } {
  const get = (key: keyof typeof CONNECTION_FLAGS): SettingValue | undefined =>
    leftOut.has(key) ? undefined : server.get(key);
  const caFiles = get('ca-file');
  return {
    name,
    url: textOf(get('url')),
    username: textOf(get('username')),
    password: leftOut.has('password') ? undefined : password,
    passwordFile: textOf(get('password-file')),
    insecure: get('insecure') === true || undefined,
    thumbprint: textOf(get('thumbprint')),
    caFiles: Array.isArray(caFiles) ? caFiles : undefined,
  };
}

function textOf(value: SettingValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The first setting that neither flags, environment nor profile contain, although a login needs it. */
export async function missingConnection(
  values: ConnectionFlagValues,
  env: NodeJS.ProcessEnv,
  profile: ConnectionSources['profile'],
): Promise<MissingSetting | undefined> {
  const { missingSetting } = await import('../../vsphere/connection/connection-settings.ts');
  return missingSetting({ flags: flagConnection(values), env, profile });
}

/**
 * Reads the connection settings from flags, environment and profile. Their `password` function reads the file or
 * prompts on each call.
 * @throws usage errors.
 */
export async function readConnection(
  values: ConnectionFlagValues,
  env: NodeJS.ProcessEnv,
  profile: ConnectionSources['profile'],
  sources: Omit<PasswordSources, 'file'>,
): Promise<ConnectionSettings> {
  const { resolveConnectionSettings } = await import('../../vsphere/connection/connection-settings.ts');
  return resolveConnectionSettings({
    flags: flagConnection(values),
    env,
    profile,
    timeoutMs: readDuration('--timeout', values.timeout),
    password: ({ passwordFile, ...account }) => readPassword(account, { ...sources, file: passwordFile }),
    warn: sources.warn,
  });
}
