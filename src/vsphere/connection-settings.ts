import { delimiter } from 'node:path';
import { Hyper2kvmError } from '../base/errors.ts';

/** Where and how to log in. Made by {@link resolveConnectionSettings}; the password is never part of it. */
export interface ConnectionSettings {
  /** `https://host[:port]/sdk`, without user or password. */
  url: URL;
  username: string;
  /** Asked for when a login is about to be made: may read a file or prompt. */
  password: () => Promise<string>;
  trust: TrustSettings;
  /** Limit for one call to the server, in milliseconds. */
  timeoutMs: number;
}

/** What is trusted besides, or instead of, the system's certificate authorities. */
export interface TrustSettings {
  /** Skip verification. The caller has warned. */
  insecure: boolean;
  /** SHA-1 or SHA-256 of the server's certificate, hex with or without colons; pins it. */
  thumbprint: string | undefined;
  /** PEM files whose certificates are trusted in addition to the system's. */
  caFiles: string[];
  /** PEM files (GOVC_TLS_CA_CERTS) that are trusted in place of the system's, as govc does. */
  onlyCaFiles: string[];
  /** Files of lines `host[:port] thumbprint` (GOVC_TLS_KNOWN_HOSTS). */
  knownHostsFiles: string[];
}

/** What the command line says; an absent flag leaves the word to the environment. */
export interface ConnectionFlags {
  url?: string;
  username?: string;
  /** True when `--password-file` was given: it then comes before a password from the environment. */
  hasPasswordFile?: boolean;
  insecure?: boolean;
  thumbprint?: string;
  caFile?: string[];
  timeoutMs: number;
}

/** What a profile of the configuration file says; it counts after the environment. */
export interface ProfileConnection {
  name: string;
  url?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
  passwordFile?: string | undefined;
  insecure?: boolean | undefined;
  thumbprint?: string | undefined;
  caFiles?: string[] | undefined;
}

export interface ConnectionSources {
  flags: ConnectionFlags;
  env: NodeJS.ProcessEnv;
  profile?: ProfileConnection | undefined;
  /** The way to a password that stands nowhere: the file that flag or profile name (`passwordFile` is the profile's), or a prompt. */
  password: (account: { username: string; host: string; passwordFile?: string | undefined }) => Promise<string>;
  /** Told that a profile's login does not count. */
  warn?: (message: string) => void;
}

/** True when a server is named anywhere, so that `status` knows whether to look at one. */
export function isServerConfigured(
  flags: Pick<ConnectionFlags, 'url'>,
  env: NodeJS.ProcessEnv,
  profile?: ProfileConnection,
): boolean {
  return Boolean(flags.url || env['HYPER2KVM_URL'] || env['GOVC_URL'] || profile?.url);
}

/** The server that the environment names, without user and password; undefined when it names none. Throws a usage error for what is no URL. */
export function serverOfEnvironment(env: NodeJS.ProcessEnv): URL | undefined {
  const name = ['HYPER2KVM_URL', 'GOVC_URL'].find((each) => env[each]);
  return name === undefined ? undefined : splitUrl(env[name] ?? '', name).url;
}

/**
 * Settles the connection: each setting from its flag, else `HYPER2KVM_*`, else `GOVC_*` with govc's meanings, else the profile. A user and
 * password inside a URL count where the settings of its source say nothing, and are taken out of it.
 */
export function resolveConnectionSettings(sources: ConnectionSources): ConnectionSettings {
  const { flags, env, password } = sources;
  const inProfile = sources.profile === undefined ? 'url of the profile' : `url of the profile ${sources.profile.name}`;
  const source = [
    { name: '--url', text: flags.url },
    { name: 'HYPER2KVM_URL', text: env['HYPER2KVM_URL'] },
    { name: 'GOVC_URL', text: env['GOVC_URL'] },
    { name: inProfile, text: sources.profile?.url },
  ].find((candidate) => candidate.text);
  if (!source?.text) {
    throw new Hyper2kvmError('usage', 'No server is named.', {
      hint: 'Give --url https://HOST, or set HYPER2KVM_URL (or GOVC_URL), or write a profile.',
    });
  }
  const { url, urlUsername, urlPassword } = splitUrl(source.text, source.name);
  const profile = profileFor(url, source.name, sources);
  const ownFirst = source.name === inProfile;
  const username =
    flags.username ||
    env['HYPER2KVM_USERNAME'] ||
    env['GOVC_USERNAME'] ||
    (ownFirst ? profile.username || urlUsername : urlUsername || profile.username);
  if (!username) {
    throw new Hyper2kvmError('usage', `No user is named for ${url.host}.`, {
      hint: 'Give --username, or set HYPER2KVM_USERNAME (or GOVC_USERNAME), or write a profile.',
    });
  }
  const { passwordFile } = profile;
  const ofUrl = ownFirst && passwordFile !== undefined ? '' : urlPassword;
  const stored = ownFirst ? profile.password || ofUrl : ofUrl || profile.password;
  const known = flags.hasPasswordFile ? '' : env['HYPER2KVM_PASSWORD'] || env['GOVC_PASSWORD'] || stored;
  return {
    url,
    username,
    password: () => (known ? Promise.resolve(known) : password({ username, host: url.host, passwordFile })),
    trust: trustSettings(flags, env, profile),
    timeoutMs: flags.timeoutMs,
  };
}

/** A profile's login and trust are for its own server: for another one that flag or environment name they would hand out its password. */
function profileFor(url: URL, urlName: string, { profile, warn }: ConnectionSources): Partial<ProfileConnection> {
  if (profile?.url === undefined) return profile ?? {};
  const { host } = splitUrl(profile.url, `url of the profile ${profile.name}`).url;
  if (host === url.host) return profile;
  warn?.(
    `${urlName} names ${url.host}: login and certificate of the profile ${profile.name} are for ${host} and do not count.`,
  );
  return {};
}

function trustSettings(
  flags: ConnectionFlags,
  env: NodeJS.ProcessEnv,
  profile: Partial<ProfileConnection>,
): TrustSettings {
  const insecure = flags.insecure ?? isYes(env, 'HYPER2KVM_INSECURE') ?? isYes(env, 'GOVC_INSECURE');
  const caFile = env['HYPER2KVM_CA_FILE'];
  return {
    insecure: insecure ?? profile.insecure ?? false,
    thumbprint: flags.thumbprint || env['HYPER2KVM_THUMBPRINT'] || profile.thumbprint,
    caFiles: flags.caFile ?? (caFile ? pathList(caFile) : (profile.caFiles ?? [])),
    onlyCaFiles: pathList(env['GOVC_TLS_CA_CERTS']),
    knownHostsFiles: pathList(env['GOVC_TLS_KNOWN_HOSTS']),
  };
}

function pathList(text: string | undefined): string[] {
  return (text ?? '').split(delimiter).filter(Boolean);
}

/** The spellings of Go's `strconv.ParseBool`, which govc reads its switches with. */
function isYes(env: NodeJS.ProcessEnv, name: string): boolean | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  throw new Hyper2kvmError('usage', `${name} is ${JSON.stringify(text)}, which is neither true nor false.`, {
    hint: `Set ${name}=1 or ${name}=0.`,
  });
}

/** Like govc: a missing scheme means https, a missing path means /sdk. The text may hold a password and is never quoted. */
function splitUrl(text: string, name: string): { url: URL; urlUsername: string; urlPassword: string } {
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  } catch {
    throw new Hyper2kvmError('usage', `${name} is not a URL.`, { hint: 'Write it as https://HOST or HOST:PORT.' });
  }
  if (url.protocol !== 'https:') {
    throw new Hyper2kvmError('usage', `${name} begins with ${url.protocol}//, and only https is spoken.`, {
      hint: 'A password never crosses the network in clear: write https://HOST.',
    });
  }
  const urlUsername = percentDecoded(url.username);
  const urlPassword = percentDecoded(url.password);
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  if (url.pathname === '/') url.pathname = '/sdk';
  return { url, urlUsername, urlPassword };
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
