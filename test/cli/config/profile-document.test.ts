import { expect, test } from '@jest/globals';
import { Hyper2kvmError } from '../../../src/base/errors.ts';
import { knownKeys } from '../../../src/cli/config/known-keys.ts';
import { readProfiles } from '../../../src/cli/config/profile-document.ts';
import { secretsOf } from '../../../src/cli/config/profile.ts';
import { ExportCommand } from '../../../src/commands/export.ts';
import { KNOWN_COMMANDS } from './known-flags.ts';

const KNOWN = knownKeys(KNOWN_COMMANDS);

function read(text: string) {
  return readProfiles(text, 'config.yaml', KNOWN, '/home/joe');
}

function failure(text: string): Hyper2kvmError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof Hyper2kvmError) return error;
    throw error;
  }
  throw new Error('It was read.');
}

test('a profile has settings of the server, and of each command below its name', () => {
  const [first, second] = read(`
profiles:
  default:
    url: https://vc.example.com
    username: joe
    password: 0012
    insecure: false
    ca-file: [a.pem, ~/b.pem]
    timeout: 90
    export:
      snapshot: true
      retries: 0
      compress: true
      network: "VM Network=br0-net"
      output: ~/vms
    boot-test: { timeout: 10m }
  empty:
`);
  expect(first?.server).toEqual(
    new Map<string, unknown>([
      ['url', 'https://vc.example.com'],
      ['username', 'joe'],
      ['insecure', false],
      ['ca-file', ['a.pem', '/home/joe/b.pem']],
      ['timeout', '90'],
    ]),
  );
  expect(first?.password?.reveal()).toBe('0012');
  expect(first?.commands.get('export')).toEqual(
    new Map<string, unknown>([
      ['snapshot', true],
      ['retries', '0'],
      ['compress', true],
      ['network', ['VM Network=br0-net']],
      ['output', '/home/joe/vms'],
    ]),
  );
  expect(first?.commands.get('boot-test')).toEqual(new Map([['timeout', '10m']]));
  expect(second).toMatchObject({ name: 'empty', server: new Map(), commands: new Map() });
});

test('every flag of a command is a key of its section, but for global and hidden ones', () => {
  const server = 'url username password-file insecure thumbprint ca-file timeout password';
  expect([...KNOWN.server.keys()].join(' ')).toBe(server);
  const flags: Record<string, { hidden?: boolean }> = ExportCommand.flags;
  const names = Object.keys(flags).filter((name) => flags[name]?.hidden !== true);
  const current = [...(KNOWN.commands.get('export') ?? [])].filter(([, { now }]) => now === undefined);
  expect(current.map(([name]) => name).toSorted()).toEqual(names.toSorted());
  expect([...KNOWN.commands.keys()]).not.toContain('cancel');
});

test.each([
  ['url:', 'url must be a string or a number.'],
  ['insecure: "yes"', 'insecure must be true or false.'],
  ['url: [a]', 'url must be a single value, not a list.'],
  ['url: {a: b}', 'url must be a string or a number, without nested keys.'],
  ['username: true', 'username must be a string or a number.'],
  ['ca-file: [[a]]', 'ca-file must be a string or a number, or a list of them, without nested keys.'],
  ['export: {format: qcow}', 'format must be one of ovf, ova, vmdk, qcow2, raw.', 'Did you mean qcow2?'],
  ['export: [snapshot]', 'export must contain settings, as key: value.'],
  ['passwordFile: a', 'the profile p has no setting "passwordFile".', 'Did you mean password-file?'],
  [
    'snapshot: true',
    'the profile p has no setting "snapshot".',
    'It belongs under check: or export: or status: in the profile.',
  ],
  ['exprot: {}', 'the profile p has no setting "exprot".', 'Did you mean export?'],
  ['export: {snapshoot: true}', 'export has no setting "snapshoot".', 'Did you mean snapshot?'],
  ['export: {url: a}', 'export has no setting "url".'],
  ['export: {json: true}', 'export has no setting "json".'],
])('%s is refused with its place', (setting, sentence, hint = '') => {
  const error = failure(`# a comment\nprofiles:\n  p:\n    ${setting}\n`);
  expect(error).toMatchObject({ kind: 'usage', message: `config.yaml, line 4: ${sentence}` });
  expect(error.hint ?? '').toContain(hint);
});

test.each([
  ['profile: {}', 1, 'has no setting "profile"'],
  ['- profiles', 1, 'must contain settings'],
  ['profiles: {a: 1}', 1, 'The profile a must contain settings'],
  ['profiles:\n  a: {}\n  a: {}', 3, 'duplicate key'],
  ['profiles:\n\ta: {}', 2, 'not valid YAML'],
  ['profiles:\n  a: {password: x, password-file: y}', 2, 'has both password and password-file'],
  ['profiles:\n  a: &a\n    <<: *a', 3, 'must contain settings'],
])('%j is refused', (text, line, words) => {
  expect(failure(text).message).toContain(words);
  expect(failure(text).message).toContain(`config.yaml, line ${line}`);
});

test.each([
  'password: [geheim]',
  'password: {geheim: 1}',
  'password: "geheim',
  'url: geheim: geheim',
  'insecure: geheim',
])('no error about %j shows the value', (setting) => {
  const error = failure(`profiles:\n  p:\n    ${setting}`);
  expect(`${error.message} ${error.hint}`).not.toContain('geheim');
});

test('anchors share settings between profiles, and what a profile says itself comes first', () => {
  const [, nightly] = read(`
profiles:
  vc: &vc
    url: vc.example.com
    username: joe
  nightly:
    <<: *vc
    username: backup
`);
  expect(nightly?.server).toEqual(
    new Map([
      ['url', 'vc.example.com'],
      ['username', 'backup'],
    ]),
  );
});

test('an empty file has no profiles', () => {
  for (const text of ['', '# nothing\n', 'profiles:\n']) expect(read(text)).toEqual([]);
});

test.each([
  ['password: geheim', ['geheim']],
  ['url: https://joe:geh%21@vc/sdk', ['geh%21']],
  ['url: https://joe@vc/sdk', []],
  ['url: vc:443', []],
])('the secrets of %s', (setting, secrets) => {
  const [profile] = read(`profiles:\n  p:\n    ${setting}`);
  expect(profile && secretsOf(profile).map((secret) => secret.reveal())).toEqual(secrets);
});
