import { describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/base/text/secret.ts';
import {
  isServerConfigured,
  resolveConnectionSettings,
  type ConnectionSettings,
} from '../../../src/vsphere/connection/connection-settings.ts';

const noPassword = () => Promise.reject(new Error('asked'));

/** Returns the password that a login would send. */
async function passwordOf(settings: ConnectionSettings): Promise<string> {
  return (await settings.password()).reveal();
}

function resolve(flags: object, env: NodeJS.ProcessEnv = {}) {
  return resolveConnectionSettings({ flags, env, timeoutMs: 1000, password: noPassword });
}

describe('the order of sources', () => {
  const env = {
    HYPER2KVM_URL: 'own.example',
    HYPER2KVM_USERNAME: 'own-user',
    HYPER2KVM_PASSWORD: 'own-secret',
    GOVC_URL: 'https://url-user:url-secret@govc.example/sdk',
    GOVC_USERNAME: 'govc-user',
    GOVC_PASSWORD: 'govc-secret',
  };

  test('a flag comes before HYPER2KVM_*, which comes before GOVC_*', async () => {
    expect(resolve({ url: 'flag.example', username: 'flag-user' }, env)).toMatchObject({ username: 'flag-user' });
    expect(resolve({}, env).url.host).toBe('own.example');
    expect(resolve({}, env).username).toBe('own-user');
    expect(await passwordOf(resolve({}, env))).toBe('own-secret');
    const { HYPER2KVM_URL: _a, HYPER2KVM_USERNAME: _b, HYPER2KVM_PASSWORD: _c, ...govc } = env;
    expect(resolve({}, govc)).toMatchObject({ username: 'govc-user' });
    expect(await passwordOf(resolve({}, govc))).toBe('govc-secret');
  });

  test('user and password of a URL count last, and are not in the URL any more', async () => {
    const settings = resolve({}, { GOVC_URL: 'https://url%40user:url%2Fsecret@govc.example' });
    expect(settings.username).toBe('url@user');
    expect(await passwordOf(settings)).toBe('url/secret');
    expect(settings.url.href).toBe('https://govc.example/sdk');
    expect(JSON.stringify(settings)).not.toContain('secret');
  });

  test('--password-file comes before a password of the environment', async () => {
    const settings = resolveConnectionSettings({
      flags: { passwordFile: '/secret' },
      env,
      timeoutMs: 1,
      password: (account) => Promise.resolve(new Secret(`${account.username} at ${account.host}`)),
    });
    expect(await passwordOf(settings)).toBe('own-user at own.example');
  });
});

describe('the profile', () => {
  const profile = {
    name: 'p',
    url: 'profile.example',
    username: 'joe',
    password: new Secret('of-profile'),
    thumbprint: 'AB',
  };
  const resolveWith = (
    more: object,
    flags: object = {},
    env: NodeJS.ProcessEnv = {},
    warn?: (message: string) => void,
  ) =>
    resolveConnectionSettings({
      flags,
      timeoutMs: 1000,
      env,
      profile: { ...profile, ...more },
      password: ({ passwordFile }) => Promise.resolve(new Secret(`read from ${passwordFile}`)),
      ...(warn && { warn }),
    });

  test('counts where flags and environment say nothing', async () => {
    const settings = resolveWith({ insecure: false, caFiles: ['ca.pem'] });
    expect(settings).toMatchObject({
      username: 'joe',
      trust: { insecure: false, thumbprint: 'AB', caFiles: ['ca.pem'] },
    });
    expect(resolveWith({ insecure: true, thumbprint: undefined }).trust.insecure).toBe(true);
    expect(settings.url.host).toBe('profile.example');
    expect(await passwordOf(settings)).toBe('of-profile');
    const env = {
      HYPER2KVM_URL: 'https://profile.example/sdk',
      GOVC_USERNAME: 'env',
      GOVC_PASSWORD: 'of-env',
      GOVC_INSECURE: '0',
      HYPER2KVM_CA_FILE: 'env.pem',
    };
    const over = resolveWith({ insecure: true, caFiles: ['ca.pem'] }, { thumbprint: 'CD' }, env);
    expect(over).toMatchObject({
      username: 'env',
      trust: { insecure: false, thumbprint: 'CD', caFiles: ['env.pem'] },
    });
    expect(await passwordOf(over)).toBe('of-env');
  });

  test('its own keys come before user and password of its url, and those of a url of the environment before it', async () => {
    const own = resolveWith({ url: 'https://url-user:url-secret@profile.example' });
    expect(own.username).toBe('joe');
    expect(await passwordOf(own)).toBe('of-profile');
    const bare = { username: undefined, password: undefined };
    expect(await passwordOf(resolveWith({ ...bare, url: 'https://u:secret@profile.example' }))).toBe('secret');
    const file = resolveWith({ url: 'https://u:secret@profile.example', password: undefined, passwordFile: 'file' });
    expect(await passwordOf(file)).toBe('read from file');
    const env = { GOVC_URL: 'https://env-user:env-secret@profile.example' };
    const ofEnv = resolveWith({}, {}, env);
    expect(ofEnv.username).toBe('env-user');
    expect(await passwordOf(ofEnv)).toBe('env-secret');
  });

  test('says nothing about another server than its own', async () => {
    const warnings: string[] = [];
    const settings = resolveWith(
      { password: undefined, passwordFile: 'file', insecure: true },
      { url: 'other.example', username: 'joe' },
      {},
      (message) => void warnings.push(message),
    );
    expect(settings.trust).toMatchObject({ insecure: false, thumbprint: undefined });
    expect(await passwordOf(settings)).toBe('read from undefined');
    expect(warnings).toEqual([expect.stringContaining('--url names other.example')]);
    const anywhere = resolveWith({ url: undefined }, { url: 'other.example' });
    expect(await passwordOf(anywhere)).toBe('of-profile');
    expect(() => resolveWith({ url: 'http://vc' })).toThrow('url of the profile p begins with http:');
  });

  test('makes a server known', () => {
    expect(isServerConfigured({}, {}, profile)).toBe(true);
    expect(isServerConfigured({}, {}, { name: 'p' })).toBe(false);
  });
});

test.each([
  ['host', 'https://host/sdk'],
  ['host:8989', 'https://host:8989/sdk'],
  ['https://host/', 'https://host/sdk'],
  ['https://host/sdk', 'https://host/sdk'],
  ['https://host/vsphere/sdk', 'https://host/vsphere/sdk'],
  ['[fd00::1]:443', 'https://[fd00::1]/sdk'],
])('a URL written as %s means %s', (text, href) => {
  expect(resolve({ url: text, username: 'u' }).url.href).toBe(href);
});

test.each([
  [{}, 'No server is given.'],
  [{ url: 'host' }, 'No user is given for host.'],
  [{ url: 'http://host', username: 'u' }, '--url begins with http://, but only https is supported.'],
  [{ url: 'https://u:hunter2@ho st', username: 'u' }, '--url is not a URL.'],
])('%j is refused, and no password is quoted', (flags, sentence) => {
  expect(() => resolve(flags)).toThrow(expect.objectContaining({ kind: 'usage', message: sentence }));
});

test('GOVC_* switches and path lists are read as govc reads them', () => {
  const { trust } = resolve(
    { url: 'h', username: 'u' },
    { GOVC_INSECURE: 'T', GOVC_TLS_CA_CERTS: '/a.pem:/b.pem', GOVC_TLS_KNOWN_HOSTS: '/known' },
  );
  expect(trust).toEqual({
    insecure: true,
    thumbprint: undefined,
    caFiles: [],
    onlyCaFiles: ['/a.pem', '/b.pem'],
    knownHostsFiles: ['/known'],
  });
  expect(resolve({ url: 'h', username: 'u' }, { HYPER2KVM_INSECURE: '0', GOVC_INSECURE: '1' }).trust.insecure).toBe(
    false,
  );
  expect(() => resolve({ url: 'h', username: 'u' }, { GOVC_INSECURE: 'yes' })).toThrow('GOVC_INSECURE is "yes"');
});

test('a server is configured by flag or environment', () => {
  expect(isServerConfigured({}, {})).toBe(false);
  expect(isServerConfigured({ url: 'h' }, {})).toBe(true);
  expect(isServerConfigured({}, { GOVC_URL: 'h' })).toBe(true);
});

describe('a pin or an authority that was named is never ignored', () => {
  const account = { url: 'h', username: 'u' };

  test.each([
    [{ thumbprint: 'AB' }, { GOVC_INSECURE: '1' }],
    [{ caFiles: ['ca.pem'] }, { HYPER2KVM_INSECURE: '1' }],
    [{}, { GOVC_INSECURE: '1', HYPER2KVM_THUMBPRINT: 'AB' }],
    [{}, { HYPER2KVM_INSECURE: 'true', HYPER2KVM_CA_FILE: 'ca.pem' }],
  ])('%j wins over the environment %j', (flags, env) => {
    expect(resolve({ ...account, ...flags }, env).trust.insecure).toBe(false);
  });

  test('nor that of a profile by its own insecure, or by one of the environment', () => {
    const profile = { name: 'p', ...account, thumbprint: 'AB', insecure: true };
    const sources = { flags: {}, timeoutMs: 1, profile, password: noPassword };
    expect(resolveConnectionSettings({ ...sources, env: {} }).trust.insecure).toBe(false);
    expect(resolveConnectionSettings({ ...sources, env: { GOVC_INSECURE: '1' } }).trust.insecure).toBe(false);
  });

  test.each([
    [{ thumbprint: 'AB' }, {}, '--insecure contradicts --thumbprint.'],
    [{ caFiles: ['ca.pem'] }, {}, '--insecure contradicts --ca-file.'],
    [{}, { HYPER2KVM_THUMBPRINT: 'AB' }, '--insecure contradicts HYPER2KVM_THUMBPRINT.'],
    [{}, { HYPER2KVM_CA_FILE: 'ca.pem' }, '--insecure contradicts HYPER2KVM_CA_FILE.'],
  ])('--insecure with %j and %j is a usage error', (flags, env, message) => {
    expect(() => resolve({ ...account, insecure: true, ...flags }, env)).toThrow(
      expect.objectContaining({ kind: 'usage', message }),
    );
  });

  test('--insecure counts where nothing is pinned', () => {
    expect(resolve({ ...account, insecure: true }, { GOVC_TLS_KNOWN_HOSTS: '/known' }).trust.insecure).toBe(true);
  });
});

test('a password with a control character is refused by the name of its source', () => {
  const env = { HYPER2KVM_PASSWORD: 'hun\u0001ter2', HYPER2KVM_URL: 'h', HYPER2KVM_USERNAME: 'u' };
  expect(() => resolve({}, env)).toThrow(
    expect.objectContaining({ kind: 'usage', message: expect.stringMatching(/^The password from HYPER2KVM_PASSWORD/) }),
  );
  expect(() => resolve({}, env)).not.toThrow(/hun|ter2/);
});
