import { delimiter } from 'node:path';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readSecret, type Secret } from '../../base/text/secret.ts';
import type { WireObserver } from './wire-observer.ts';
import { parseServerUrl } from './server-url.ts';

/** Where and how to log in. {@link resolveConnectionSettings} creates it. It never contains the password itself. */
export interface ConnectionSettings {
  /** `https://host[:port]/sdk`, without user or password. */
  url: URL;
  username: string;
  /** Called before each login: may read a file or prompt. */
  password: () => Promise<Secret>;
  /** Removes the password and other secrets from a text that is stored or shown. */
  redact?: (text: string) => string;
  /** Receives each call, download and retry. */
  observer?: WireObserver | undefined;
  trust: TrustSettings;
  /** Limit for one call to the server, in milliseconds. */
  timeoutMs: number;
}

/** What is trusted in addition to, or instead of, the system's certificate authorities. */
export interface TrustSettings {
  /** Skip verification. The caller has printed the warning. */
  insecure: boolean;
  /** SHA-1 or SHA-256 of the server's certificate, hex with or without colons; pins it. */
  thumbprint: string | undefined;
  /** PEM files whose certificates are trusted in addition to the system's authorities. */
  caFiles: string[];
  /** PEM files (GOVC_TLS_CA_CERTS) that are trusted instead of the system's authorities, as in govc. */
  onlyCaFiles: string[];
  /** Files with lines of `host[:port] thumbprint` (GOVC_TLS_KNOWN_HOSTS). */
  knownHostsFiles: string[];
}

/** What one source (the flags or a profile) sets for a server. The next source supplies absent settings. */
export interface ConnectionOptions {
  url?: string | undefined;
  username?: string | undefined;
  password?: Secret | undefined;
  /** If set by a flag, it takes precedence over a password from the environment. */
  passwordFile?: string | undefined;
  insecure?: boolean | undefined;
  thumbprint?: string | undefined;
  caFiles?: string[] | undefined;
}

export interface ConnectionSources {
  flags: ConnectionOptions;
  env: NodeJS.ProcessEnv;
  /** Has lower precedence than the environment. */
  profile?: (ConnectionOptions & { name: string }) | undefined;
  /** Limit for one call to the server, in milliseconds. */
  timeoutMs: number;
  /** Obtains a password that is not known yet: from `passwordFile` or from a prompt. */
  password: (account: { username: string; host: string; passwordFile?: string | undefined }) => Promise<Secret>;
  /** Receives a warning when the login of a profile is ignored. */
  warn?: (message: string) => void;
}

/** True when any source names a server, so that `status` knows whether to check one. */
export function isServerConfigured(
  flags: Pick<ConnectionOptions, 'url'>,
  env: NodeJS.ProcessEnv,
  profile?: ConnectionSources['profile'],
): boolean {
  return Boolean(flags.url || env['HYPER2KVM_URL'] || env['GOVC_URL'] || profile?.url);
}

/**
 * The server from the environment, without user and password; undefined when it names none.
 * @throws usage error for a value that is not a URL.
 */
export function serverOfEnvironment(env: NodeJS.ProcessEnv): URL | undefined {
  const name = ['HYPER2KVM_URL', 'GOVC_URL'].find((each) => env[each]);
  return name === undefined ? undefined : parseServerUrl(env[name] ?? '', name).url;
}

/** The first setting that no source has and that a login needs, so that it can be asked for. */
export function missingSetting(
  sources: Pick<ConnectionSources, 'flags' | 'env' | 'profile'>,
): MissingSetting | undefined {
  const source = urlSource(sources);
  if (source === undefined) return { name: 'url' };
  const { url } = parseServerUrl(source.text, source.name);
  return accountOf(source, profileFor(url, source.name, sources), sources).username
    ? undefined
    : { name: 'username', host: url.host };
}

/** What is wrong with the address of a server, in a sentence. */
export function problemOfServer(address: string): string | undefined {
  try {
    parseServerUrl(address, 'The address');
    return undefined;
  } catch (error) {
    if (!(error instanceof Hyper2kvmError)) throw error;
    return [error.message, error.hint].filter(Boolean).join(' ');
  }
}

/** A setting that is missing, and the server for which it is needed. */
export type MissingSetting = { name: 'url' } | { name: 'username'; host: string };

/**
 * Resolves the connection settings. The precedence for each setting is: flag, `HYPER2KVM_*`, `GOVC_*` (with govc's
 * meanings), profile. A user and password in a URL apply only when the settings of the same source do not set them.
 * They are removed from the URL.
 */
export function resolveConnectionSettings(sources: ConnectionSources): ConnectionSettings {
  const { flags, env, password } = sources;
  const source = urlSource(sources);
  if (source === undefined) {
    throw new Hyper2kvmError('usage', 'No server is given.', {
      hint: 'Use --url https://HOST, set HYPER2KVM_URL (or GOVC_URL), or use a profile.',
    });
  }
  const { url } = parseServerUrl(source.text, source.name);
  const profile = profileFor(url, source.name, sources);
  const { username, urlPassword, ownFirst } = accountOf(source, profile, sources);
  if (!username) {
    throw new Hyper2kvmError('usage', `No user is given for ${url.host}.`, {
      hint: 'Use --username, set HYPER2KVM_USERNAME (or GOVC_USERNAME), or use a profile.',
    });
  }
  const ofUrl = ownFirst && profile.passwordFile !== undefined ? undefined : urlPassword;
  const stored = ownFirst ? [profile.password, ofUrl] : [ofUrl, profile.password];
  const candidates = [...['HYPER2KVM_PASSWORD', 'GOVC_PASSWORD'].map((name) => secretIn(env, name)), ...stored];
  const known = flags.passwordFile !== undefined ? undefined : candidates.find((secret) => secret && !secret.isEmpty);
  return {
    url,
    username,
    password: () =>
      known
        ? Promise.resolve(known)
        : password({ username, host: url.host, passwordFile: flags.passwordFile ?? profile.passwordFile }),
    trust: trustSettings(flags, env, profile),
    timeoutMs: sources.timeoutMs,
  };
}

/** The source that names the server. */
function urlSource({
  flags,
  env,
  profile,
}: Pick<ConnectionSources, 'flags' | 'env' | 'profile'>): UrlSource | undefined {
  const candidates = [
    { name: '--url', text: flags.url },
    { name: 'HYPER2KVM_URL', text: env['HYPER2KVM_URL'] },
    { name: 'GOVC_URL', text: env['GOVC_URL'] },
    { name: profile === undefined ? '' : `url of the profile ${profile.name}`, text: profile?.url, isProfile: true },
  ];
  for (const { text, ...rest } of candidates) if (text) return { ...rest, text };
  return undefined;
}

interface UrlSource {
  name: string;
  text: string;
  isProfile?: boolean;
}

/** The account, and the password of the URL. `ownFirst` is true if the profile names the server. */
function accountOf(
  { text, name, isProfile: ownFirst = false }: UrlSource,
  profile: ConnectionOptions,
  { flags, env }: Pick<ConnectionSources, 'flags' | 'env'>,
): { username: string | undefined; urlPassword: Secret | undefined; ownFirst: boolean } {
  const { username: urlUsername, password: urlPassword } = parseServerUrl(text, name);
  const username =
    flags.username ||
    env['HYPER2KVM_USERNAME'] ||
    env['GOVC_USERNAME'] ||
    (ownFirst ? profile.username || urlUsername : urlUsername || profile.username);
  return { username, urlPassword, ownFirst };
}

/**
 * The login and trust settings of a profile apply only to its own server. If a flag or the environment names another
 * server, using them would send the password to that server.
 */
function profileFor(
  url: URL,
  urlName: string,
  { profile, warn }: Pick<ConnectionSources, 'profile' | 'warn'>,
): ConnectionOptions {
  if (profile?.url === undefined) return profile ?? {};
  const { host } = parseServerUrl(profile.url, `url of the profile ${profile.name}`).url;
  if (host === url.host) return profile;
  warn?.(
    `${urlName} names ${url.host}: login and certificate of the profile ${profile.name} are for ${host} and are ignored.`,
  );
  return {};
}

function trustSettings(flags: ConnectionOptions, env: NodeJS.ProcessEnv, profile: ConnectionOptions): TrustSettings {
  const insecure = isYes(env, 'HYPER2KVM_INSECURE') ?? isYes(env, 'GOVC_INSECURE') ?? profile.insecure ?? false;
  const caFile = env['HYPER2KVM_CA_FILE'];
  const thumbprint = flags.thumbprint || env['HYPER2KVM_THUMBPRINT'] || profile.thumbprint;
  const caFiles = flags.caFiles ?? (caFile ? pathList(caFile) : (profile.caFiles ?? []));
  const isPinned = Boolean(thumbprint) || caFiles.length > 0;
  if (flags.insecure && isPinned) throw insecureWithPin(flags, env);
  return {
    // A pin is a deliberate choice for this server. An insecure setting in the environment is often left over from
    // another server, and would send the login to an unverified host.
    insecure: flags.insecure ?? (insecure && !isPinned),
    thumbprint,
    caFiles,
    onlyCaFiles: pathList(env['GOVC_TLS_CA_CERTS']),
    knownHostsFiles: pathList(env['GOVC_TLS_KNOWN_HOSTS']),
  };
}

function secretIn(env: NodeJS.ProcessEnv, name: string): Secret | undefined {
  const text = env[name];
  return text ? readSecret(text, name) : undefined;
}

function pathList(text: string | undefined): string[] {
  return (text ?? '').split(delimiter).filter(Boolean);
}

function insecureWithPin(flags: ConnectionOptions, env: NodeJS.ProcessEnv): Hyper2kvmError {
  const pins = [
    { name: '--thumbprint', value: flags.thumbprint },
    { name: '--ca-file', value: flags.caFiles },
    { name: 'HYPER2KVM_THUMBPRINT', value: env['HYPER2KVM_THUMBPRINT'] },
    { name: 'HYPER2KVM_CA_FILE', value: env['HYPER2KVM_CA_FILE'] },
  ];
  const pin = pins.find(({ value }) => value)?.name ?? 'the thumbprint or ca-file of the profile';
  return new Hyper2kvmError('usage', `--insecure contradicts ${pin}.`, {
    hint: 'Leave out --insecure to verify the certificate. To skip verification, leave out the other one (--no-thumbprint and --no-ca-file for those of a profile).',
  });
}

/** The spellings of Go's `strconv.ParseBool`, which govc uses for boolean variables. */
function isYes(env: NodeJS.ProcessEnv, name: string): boolean | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  throw new Hyper2kvmError('usage', `${name} is ${JSON.stringify(text)}, which is neither true nor false.`, {
    hint: `Set ${name}=1 or ${name}=0.`,
  });
}
