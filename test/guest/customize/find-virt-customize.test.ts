import { expect } from '@jest/globals';
import { parseCommands } from '../../../src/guest/customize/command-file.ts';
import { findVirtCustomize, requireCommands } from '../../../src/guest/customize/find-virt-customize.ts';
import { testWithOracle } from '../../oracles/oracle.ts';

const { signal } = new AbortController();

async function check(text: string): Promise<void> {
  const program = await findVirtCustomize(process.env, signal);
  await requireCommands(program, { path: '/srv/web.txt', text, commands: parseCommands(text) }, process.env, signal);
}

testWithOracle('virt-customize', 'the installed program itself judges the commands of a file', async () => {
  await check('# nothing\n');
  await check('hostname web-01\nroot-password password:geheim-1\nwrite /etc/motd:one\\\n  two\nselinux-relabel\n');
  await expect(check('mkdir /srv\n\nfrobnicate /srv\n')).rejects.toMatchObject({
    kind: 'usage',
    message: expect.stringMatching(/^virt-customize does not accept \/srv\/web\.txt, line 3: .*frobnicate/),
    hint: expect.stringContaining('hyper2kvm check'),
  });
  await expect(check('upload without-a-colon\n')).rejects.toThrow(/line 1: .*--upload/);
  await expect(check('commands-from-file /srv/other.txt\n')).rejects.toThrow(/line 1: .*commands-from-file/);
});

testWithOracle('virt-customize', 'a refusal does not repeat a password', async () => {
  const refusal = check('mkdir /srv\nroot-password wrong:geheim-1\n');
  await expect(refusal).rejects.toThrow(/line 2: .*\*\*\*/);
  await expect(refusal).rejects.not.toThrow(/geheim/);
});

testWithOracle('virt-customize', 'a command that the program drops is refused', async () => {
  await expect(check('root-password file:/nonexistent/password\n')).rejects.toThrow(/line 1: .*No such file/);
});
