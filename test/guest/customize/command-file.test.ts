import { expect, test } from '@jest/globals';
import {
  describeCommand,
  localFiles,
  networkCommand,
  parseCommands,
  secretTexts,
  withoutSecrets,
} from '../../../src/guest/customize/command-file.ts';

const FILE = `# users
root-password password:geheim-1

  hostname web-01
write /etc/motd:first\\
  second
password ops:password:geheim-2
password ops:file:/root/pass
ssh-inject ops:string:ssh-ed25519 AAAAC3 ops
run-command useradd -p geheim-3 ops
run-command reboot
copy-in /srv/files:/root
upload /srv/a b:/root/a
firstboot /srv/first.sh
install vim,htop
frobnicate geheim-4
`;

test('a command is a line, with the lines that continue it; comments and empty lines are none', () => {
  const commands = parseCommands(FILE);
  expect(commands.map(({ line }) => line)).toEqual([2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
  expect(commands[2]).toEqual({ name: 'write', argument: '/etc/motd:first\n  second', line: 5 });
});

test('commands are described without what can be secret', () => {
  expect(parseCommands(FILE).map(describeCommand)).toEqual([
    'root-password ***',
    'hostname web-01',
    'write /etc/motd:***',
    'password ops:***',
    'password ops:file:/root/pass',
    'ssh-inject ops:***',
    'run-command useradd ***',
    'run-command reboot',
    'copy-in /srv/files:/root',
    'upload /srv/a b:/root/a',
    'firstboot /srv/first.sh',
    'install vim,htop',
    'frobnicate ***',
  ]);
});

test('no secret is left of a message that repeats a command, or only the password in it', () => {
  const secrets = secretTexts(parseCommands(FILE));
  const said = 'Running: useradd -p geheim-3 ops; invalid password:geheim-1; bad geheim-2; frobnicate geheim-4';
  expect(withoutSecrets(said, secrets)).toBe('Running: useradd ***; invalid ***; bad ***; frobnicate ***');
  const broken = secretTexts(parseCommands('run-command useradd \\\n  -p geheim-5 \\\n  ops-user\n'));
  expect(withoutSecrets('Running: useradd \n  -p geheim-5 \n  ops-user', broken)).not.toMatch(/geheim|ops/);
  expect(withoutSecrets('web-01, /root/pass, reboot', secrets)).toBe('web-01, /root/pass, reboot');
});

test('the files of this host are those that the syntax shows', () => {
  expect(parseCommands(FILE).flatMap(localFiles)).toEqual(['/root/pass', '/srv/files', '/srv/a b', '/srv/first.sh']);
  expect(parseCommands('root-password file:/p\nsm-credentials u:file:/q\nrun /r').flatMap(localFiles)).toEqual([
    '/p',
    '/q',
    '/r',
  ]);
  expect(networkCommand(parseCommands(FILE))?.name).toBe('install');
});
